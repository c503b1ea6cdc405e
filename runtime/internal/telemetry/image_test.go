package telemetry_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/AltairaLabs/dockerrun/runtime/internal/telemetry"
)

func TestImage(t *testing.T) {
	digest := "sha256:" + strings.Repeat("ab", 32)
	for ref, want := range map[string]string{
		"python":                              `container.image.name=python container.image.tags=["latest"]`,
		"python:3.12-slim":                    `container.image.name=python container.image.tags=["3.12-slim"]`,
		"docker.io/library/python":            `container.image.name=python container.image.tags=["latest"]`,
		"ghcr.io/a/b:v1":                      `container.image.name=ghcr.io/a/b container.image.tags=["v1"]`,
		"localhost:5000/a":                    `container.image.name=localhost:5000/a container.image.tags=["latest"]`,
		"python@" + digest:                    `container.image.name=python container.image.repo_digests=["python@` + digest + `"]`,
		"python:3@" + digest:                  `container.image.name=python container.image.tags=["3"] container.image.repo_digests=["python@` + digest + `"]`,
		digest:                                `container.image.name=` + digest,
		strings.TrimPrefix(digest, "sha256:"): `container.image.name=` + strings.TrimPrefix(digest, "sha256:"),
		"Not A Reference":                     `container.image.name=Not A Reference`,
		"\xff":                                `container.image.name=?`,
		"":                                    `container.image.name=`,
	} {
		var got []string
		for _, a := range telemetry.Image(ref) {
			got = append(got, string(a.Key)+"="+a.Value.String())
		}
		assert.Equal(t, want, strings.Join(got, " "), ref)
	}
}
