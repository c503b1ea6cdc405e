package telemetry

import (
	"strings"

	"github.com/distribution/reference"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// Image is the attributes of an image reference as docker takes it.
func Image(ref string) []attribute.KeyValue {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil || strings.HasPrefix(ref, "sha256:") {
		// An ID, or what the engine is to judge.
		return []attribute.KeyValue{semconv.ContainerImageName(strings.ToValidUTF8(ref, "?"))}
	}
	out := []attribute.KeyValue{semconv.ContainerImageName(reference.FamiliarName(named))}
	if tagged, ok := reference.TagNameOnly(named).(reference.Tagged); ok {
		out = append(out, semconv.ContainerImageTags(tagged.Tag()))
	}
	if digested, ok := named.(reference.Digested); ok {
		out = append(out, semconv.ContainerImageRepoDigests(reference.FamiliarName(named)+"@"+digested.Digest().String()))
	}
	return out
}
