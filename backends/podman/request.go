package podman

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/blang/semver/v4"
	"github.com/containers/podman/v5/pkg/errorhandling"
	"github.com/containers/podman/v5/version"
)

// newestVersion is the API that our requests are written for. Older services take
// them too, and leave out what they do not know.
var newestVersion = version.APIVersion[version.Libpod][version.CurrentAPI]

// service is what translate has to know of the service.
type service struct {
	version semver.Version
}

func (s service) atLeast(major, minor uint64) bool {
	return s.version.GTE(semver.Version{Major: major, Minor: minor})
}

// maxErrorBody bounds what is read of an error's body.
const maxErrorBody = 1 << 20

// send makes one request, and never repeats it. An answer of 400 or more is an
// *errorhandling.ErrorModel. The caller closes the answer's body.
func (c *conn) send(ctx context.Context, method, path string, query url.Values, header http.Header, body any) (*http.Response, error) {
	var reader io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encoding the request: %w", err)
		}
		reader = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, reader)
	if err != nil {
		return nil, err
	}
	req.URL.RawQuery = query.Encode()
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for key, values := range header {
		req.Header[key] = values
	}
	res, err := c.client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= http.StatusBadRequest {
		return nil, readError(res)
	}
	return res, nil
}

// call is send for a request whose whole answer is JSON; into may be nil.
func (c *conn) call(ctx context.Context, method, path string, query url.Values, body, into any) error {
	res, err := c.send(ctx, method, path, query, nil, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if into != nil {
		// Nothing at all is the answer of a 204.
		if err := json.NewDecoder(res.Body).Decode(into); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
		}
	}
	// Read to the end, or the connection can't be used again.
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// readError reads the body of an error, which is JSON but for a proxy's.
func readError(res *http.Response) error {
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxErrorBody))
	if err != nil {
		return fmt.Errorf("reading an error of status %d: %w", res.StatusCode, err)
	}
	e := &errorhandling.ErrorModel{}
	if json.Unmarshal(data, e) != nil || e.Message == "" {
		e.Message = fmt.Sprintf("%s: %s", res.Status, bytes.TrimSpace(data))
	}
	e.ResponseCode = res.StatusCode
	return e
}

// containerPath is the path of an operation on a container.
func containerPath(id, operation string) string {
	return "/containers/" + url.PathEscape(id) + operation
}
