package dockerapi

import (
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// samePlatform tells whether an image is for the platform that was asked for; "" asks
// for none.
func samePlatform(asked, os, arch, variant string) (bool, error) {
	if asked == "" {
		return true, nil
	}
	p, err := platforms.Parse(asked)
	if err != nil {
		return false, err
	}
	return platforms.OnlyStrict(p).Match(platforms.Normalize(ocispec.Platform{OS: os, Architecture: arch, Variant: variant})), nil
}
