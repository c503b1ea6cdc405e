package check

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/internal/runtimeconfig"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// box is a sandbox that is being looked at.
type box struct {
	*checker
	entry  *runtimeconfig.Sandbox
	config factory.Config
	// said is the container as the configuration says it, with a command that stands for
	// any; spec is what its isolation makes of that, as far as is known.
	said, spec runtime.Spec
	isolation  runtime.Isolation
	faulty     map[string]bool // keys of which the factory has said what is wrong
}

// sandbox looks at an entry of spec.sandboxes.
func (c *checker) sandbox(ctx context.Context, entry *runtimeconfig.Sandbox, engines *engines) {
	b := &box{checker: c, entry: entry, faulty: map[string]bool{}}
	switch {
	case entry.Null:
		b.say(Warning, "", "ignored", "PromptKit leaves it out, as it has no value")
		return
	case entry.Mode == "":
		b.say(Error, "mode", "config", "mode: it is required; for this launcher it is "+factory.ModeName)
		return
	case entry.Mode != factory.ModeName:
		if hint := suggest(entry.Mode, []string{factory.ModeName}); hint != "" {
			b.say(Warning, "mode", "mode", fmt.Sprintf("mode: %q is not the mode of this launcher%s", entry.Mode, hint))
		}
		return
	}
	c.Sandboxes++
	b.config, _ = factory.ParseConfig(entry.Name, entry.Config) // Factory says it, too
	b.isolation, _ = runtime.ParseIsolation(b.config.Isolation, b.config.Allow)
	sb, err := factory.Factory(entry.Name, entry.Config)
	var all *factory.ConfigError
	switch {
	case errors.As(err, &all):
		for _, f := range all.Faults {
			b.faulty[f.Key] = true
			b.say(Error, b.key(f.Key), "config", f.Message)
		}
	case err != nil:
		b.say(Error, "", "config", err.Error())
	}
	if err != nil {
		b.mounts(false) // what can be said of the rest will change with what is mended
		return
	}
	made := sb.(*factory.Sandbox)
	defer func() { _ = made.Close() }() // it has made no call
	if b.said, err = made.Spec(factory.Request{Command: "command"}); err == nil {
		b.spec, _, err = b.isolation.Apply(b.said, runtime.Surroundings{})
	}
	if err != nil {
		b.say(Error, "", "config", err.Error())
		return
	}
	b.unwise()
	engine := b.engine(ctx, engines)
	b.mounts(engine != nil && engine.remote)
	if engine != nil && engine.err == nil {
		b.onEngine(ctx, engine)
	}
}

// key is where a fault of a key is best shown: what the key stands for may have been
// said as a flag.
func (b *box) key(key string) string {
	name, _, _ := strings.Cut(key, "[")
	name, _, _ = strings.Cut(name, ".")
	if name != "" && !b.entry.Has(name) && b.entry.Has("extra_args") {
		return "extra_args"
	}
	return key
}

// say records what was found at a key of the sandbox, or at its own name.
func (b *box) say(severity Severity, key, code, message string) {
	b.add(b.entry.At(key), Finding{Severity: severity, Code: code, Sandbox: b.entry.Name, Message: fmt.Sprintf("sandbox %q: %s", b.entry.Name, message)})
}

// mounts looks at the sources on this host, each by itself, so that all faults are told.
func (b *box) mounts(remote bool) {
	if remote || b.config.MountCheck == "off" {
		return
	}
	mounts := b.spec.Mounts
	if mounts == nil { // the configuration has faults
		for _, text := range b.config.Mounts {
			m, err := runtime.ParseMount(text)
			if err == nil {
				m, err = m.Abs(b.baseDir())
			}
			if err != nil {
				m = runtime.Mount{} // the factory has said so; the index must stay right
			}
			mounts = append(mounts, m)
		}
	}
	for i, m := range mounts {
		key := b.mountKey(i)
		if b.faulty[key] {
			continue
		}
		warnings, err := runtime.CheckMounts([]runtime.Mount{m})
		if err == nil && b.isolation.Strict {
			_, err = b.isolation.CheckStrictMounts([]runtime.Mount{m}, "")
		}
		if err != nil {
			text := err.Error()
			if e, ok := errors.AsType[*runtime.Error](err); ok {
				text = strings.TrimPrefix(e.Message, "mounts[0]: ")
			}
			b.say(Error, key, "mount", "mount "+text)
		}
		if b.isolation.Strict {
			continue // what is there was allowed by name
		}
		for _, w := range warnings {
			b.say(Warning, key, "mount", w)
		}
		if err == nil && len(warnings) == 0 && m.Type == runtime.MountBind && !m.ReadOnly() {
			b.say(Warning, key, "writable", fmt.Sprintf("mount %q: what runs in the container can change it; end it with :ro if it need not", m.Redacted()))
		}
	}
}

// mountKey is where the mount of a Spec stands: those of extra_args follow those of
// mounts.
func (b *box) mountKey(i int) string {
	if i < len(b.config.Mounts) {
		return "mounts[" + strconv.Itoa(i) + "]"
	}
	return "extra_args"
}

func (b *box) baseDir() string {
	dir, err := filepath.Abs(b.config.BaseDir)
	if err != nil {
		return b.config.BaseDir
	}
	return dir
}
