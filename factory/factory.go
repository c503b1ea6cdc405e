package factory

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// ModeName is the sandbox mode that [Register] registers.
const ModeName = "docker_run"

// Factory makes a sandbox from a configuration map, as a YAML or JSON decoder gives it
// or with typed Go values. It contacts nothing. Its error is a [*ConfigError], with a
// line for each fault. cfg is not kept.
func Factory(name string, cfg map[string]any) (sandbox.Sandbox, error) {
	return fromMap(name, cfg, nil, nil, nil)
}

// ParseConfig reads a configuration map as [Factory] does. What is wrong with the map
// itself is a [*ConfigError], and the Config then lacks the keys that it names.
func ParseConfig(name string, cfg map[string]any) (Config, error) {
	f := &faults{sandbox: name}
	c := decode(cfg, f)
	return c, f.err()
}

// Register makes [Factory] the one for `mode: docker_run` in the whole process. Doing so
// again is harmless; that mode with another factory is an error.
func Register() error {
	err := sandbox.RegisterFactory(ModeName, Factory)
	if err == nil {
		return nil
	}
	registered, lookErr := sandbox.LookupFactory(ModeName)
	if lookErr == nil && reflect.ValueOf(registered).Pointer() == reflect.ValueOf(Factory).Pointer() {
		return nil
	}
	return fmt.Errorf("dockerrun: another factory has the mode %q (sandbox.ReplaceFactory would replace it): %w", ModeName, err)
}

// Option is one of [NewFactory].
type Option func(*options)

type options struct {
	own    map[string]*client
	logger *slog.Logger
	err    error
}

// WithLogger makes logger get the warnings of the sandboxes, as Config.Logger does.
func WithLogger(logger *slog.Logger) Option {
	return func(o *options) { o.logger = logger }
}

// WithRuntime makes rt what `runtime: key` means. The key may be one of this package's
// own: WithRuntime(RuntimeDockerCLI, fake) puts a fake under configurations that name no
// runtime. rt stays yours to close.
func WithRuntime(key string, rt runtime.Runtime) Option {
	return func(o *options) {
		switch {
		case key == "":
			o.err = errors.Join(o.err, errors.New("WithRuntime: the key is empty"))
		case isNil(rt):
			o.err = errors.Join(o.err, fmt.Errorf("WithRuntime: the runtime for %q is nil", key))
		default:
			o.own[key] = foreignClient(key, rt)
		}
	}
}

// NewFactory is [Factory] with options, to be registered with sandbox.RegisterFactory,
// sandbox.ReplaceFactory or in a sandbox.Registry.
func NewFactory(opts ...Option) sandbox.Factory {
	o := options{own: map[string]*client{}}
	for _, opt := range opts {
		opt(&o)
	}
	own := maps.Clone(o.own)
	return func(name string, cfg map[string]any) (sandbox.Sandbox, error) {
		return fromMap(name, cfg, own, o.logger, o.err)
	}
}

func fromMap(name string, cfg map[string]any, own map[string]*client, logger *slog.Logger, optErr error) (sandbox.Sandbox, error) {
	f := &faults{sandbox: name}
	if optErr != nil {
		f.addError(optErr)
	}
	c := decode(cfg, f)
	c.Logger = logger
	s := newSandboxIn(shared, f, &c, own)
	if s.err != nil {
		return nil, s.err
	}
	return s, nil
}
