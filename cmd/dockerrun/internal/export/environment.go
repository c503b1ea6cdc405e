package export

import (
	"fmt"
	"os"
	"strings"
)

// signals are what is to be sent.
type signals struct{ traces, metrics bool }

// wanted is what the environment asks for. Without a word of it nothing is.
func wanted(getenv func(string) string) (signals, error) {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return signals{}, nil
	}
	traces, err := one(getenv, "TRACES")
	if err != nil {
		return signals{}, err
	}
	metrics, err := one(getenv, "METRICS")
	if err != nil {
		return signals{}, err
	}
	return signals{traces, metrics}, nil
}

// one is wanted for one kind: an exporter that is named decides, or else whether there is
// an address.
func one(getenv func(string) string, kind string) (bool, error) {
	name := "OTEL_" + kind + "_EXPORTER"
	switch value := getenv(name); value {
	case "otlp":
	case "none":
		return false, nil
	case "":
		if getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && getenv("OTEL_EXPORTER_OTLP_"+kind+"_ENDPOINT") == "" {
			return false, nil
		}
	default:
		return false, fmt.Errorf("%s=%s: it takes otlp or none", name, value)
	}
	name = "OTEL_EXPORTER_OTLP_" + kind + "_PROTOCOL"
	if getenv(name) == "" {
		name = "OTEL_EXPORTER_OTLP_PROTOCOL"
	}
	if value := getenv(name); value != "" && value != "http/protobuf" {
		return false, fmt.Errorf("%s=%s: it takes http/protobuf", name, value)
	}
	return true, nil
}

// environment is where a caller that traces leaves its span for the programs it starts:
// TRACEPARENT and TRACESTATE.
type environment struct{}

func (environment) Get(key string) string { return os.Getenv(strings.ToUpper(key)) }
func (environment) Set(string, string)    {}
func (environment) Keys() []string        { return []string{"traceparent", "tracestate"} }
