package cli

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/internal/runtimeconfig"
)

// configFlags name a sandbox of a RuntimeConfig.
type configFlags struct{ file, sandbox string }

func (c *configFlags) add(cmd *cobra.Command, file, sandbox string) {
	cmd.Flags().StringVar(&c.file, "config", "", file)
	cmd.Flags().StringVar(&c.sandbox, "sandbox", "", sandbox)
	// These fail only for a flag that is not there.
	_ = cmd.MarkFlagFilename("config", "yaml", "yml", "json")
	_ = cmd.RegisterFlagCompletionFunc("sandbox", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		file, err := runtimeconfig.Read(c.file)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for _, sb := range ours(file) {
			names = append(names, sb.Name)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
}

// settings are those of the sandbox that the flags name, as PromptKit hands them to a
// factory.
func (c *configFlags) settings() (map[string]any, error) {
	switch {
	case c.file == "":
		return nil, errors.New("--config: it takes the RuntimeConfig that declares the sandbox")
	case c.sandbox == "":
		return nil, errors.New("--sandbox: it takes the name of a sandbox in " + c.file)
	}
	file, err := readConfig(c.file)
	if err != nil {
		return nil, err
	}
	sb := file.Sandbox(c.sandbox)
	switch {
	case sb == nil:
		return nil, fmt.Errorf("%s declares no sandbox %q; it has %s", c.file, c.sandbox, cmp.Or(strings.Join(file.Names(), ", "), "none"))
	case sb.Mode != factory.ModeName:
		return nil, fmt.Errorf("%s: the sandbox %q has the mode %q, and this is for %s", sb.At("mode").In(c.file), c.sandbox, sb.Mode, factory.ModeName)
	}
	return maps.Clone(sb.Config), nil
}

// readConfig reads a RuntimeConfig that PromptKit would take.
func readConfig(name string) (*runtimeconfig.File, error) {
	file, err := runtimeconfig.Read(name)
	if err != nil {
		return nil, err
	}
	return file, file.Err()
}

// unused refuses flags of a container, where a sandbox says what that is. Those that used
// names are others.
func unused(fs *pflag.FlagSet, used ...string) (err error) {
	fs.Visit(func(flag *pflag.Flag) {
		if err == nil && !slices.Contains(used, flag.Name) {
			err = fmt.Errorf("--%s: it goes with an image; of a sandbox, the file says it", flag.Name)
		}
	})
	return err
}

// ours are the sandboxes of mode docker_run.
func ours(file *runtimeconfig.File) []runtimeconfig.Sandbox {
	return slices.DeleteFunc(slices.Clone(file.Sandboxes), func(sb runtimeconfig.Sandbox) bool {
		return sb.Null || sb.Mode != factory.ModeName
	})
}

// newSandbox makes a sandbox from its settings. A pool is left out: one program's call
// has no use for containers that wait for the next.
func newSandbox(sys System, name string, settings map[string]any) (*factory.Sandbox, error) {
	settings = maps.Clone(settings)
	delete(settings, "warm")
	options := append(slices.Clone(sys.Runtimes), factory.WithLogger(slog.New(&lineHandler{w: sys.Stderr})))
	sb, err := factory.NewFactory(options...)(name, settings)
	if err != nil {
		return nil, err
	}
	ours, ok := sb.(*factory.Sandbox)
	if !ok {
		return nil, fmt.Errorf("sandbox %q is of another factory: %T", name, sb)
	}
	return ours, nil
}
