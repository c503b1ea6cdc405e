package podman

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/distribution/reference"
	"go.podman.io/image/v5/pkg/docker/config"
	"go.podman.io/image/v5/types"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// credentials gives the header of a pull. A credential helper can hang, as one does that asks
// a person; it is waited for only as long as ctx lasts.
func credentials(ctx context.Context, ref string) (http.Header, error) {
	header, err := call.Answer(ctx, func() (http.Header, error) { return authHeader(ref) })
	if err == nil {
		return header, nil
	}
	if ended, ok := errors.AsType[*runtime.Error](runtime.ContextError(ctx, Key, false)); ok {
		ended.Message = "asking for the registry's credentials"
		return nil, ended
	}
	return nil, pullFailed(ref, fmt.Errorf("reading the registry's credentials: %w", err))
}

// authHeader gives the credentials of the registry that ref names, as podman finds
// them: $REGISTRY_AUTH_FILE, $DOCKER_CONFIG, else the auth.json of `podman login`, else
// docker's configuration, with their credential helpers. A short name may come from
// any registry, so it gets all of them along, as podman's own client does it.
func authHeader(ref string) (http.Header, error) {
	sys := &types.SystemContext{AuthFilePath: authFile()}
	var content any
	if named, ok := registryOf(ref); ok {
		creds, err := config.GetCredentialsForRef(sys, named)
		if err != nil {
			return nil, err
		}
		if creds == (types.DockerAuthConfig{}) {
			return nil, nil
		}
		content = authConfig(creds)
	} else {
		all, err := config.GetAllCredentials(sys)
		if err != nil {
			return nil, err
		}
		if len(all) == 0 {
			return nil, nil
		}
		entries := make(map[string]authConfig, len(all))
		for registry, creds := range all {
			entries[registry] = authConfig(creds)
		}
		content = entries
	}
	data, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	return http.Header{"X-Registry-Auth": {base64.URLEncoding.EncodeToString(data)}}, nil
}

// authConfig is how credentials travel.
type authConfig struct {
	Username      string `json:"username,omitempty"`
	Password      string `json:"password,omitempty"`
	IdentityToken string `json:"identitytoken,omitempty"`
}

// authFile is the one that the environment names instead of the usual ones.
func authFile() string {
	if file := os.Getenv("REGISTRY_AUTH_FILE"); file != "" {
		return file
	}
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return filepath.Join(dir, "config.json")
	}
	return ""
}

// registryOf gives the reference if it names its registry.
func registryOf(ref string) (reference.Named, bool) {
	first, _, ok := strings.Cut(ref, "/")
	if !ok || !strings.ContainsAny(first, ".:") && first != "localhost" {
		return nil, false
	}
	named, err := reference.ParseNormalizedNamed(ref)
	return named, err == nil
}
