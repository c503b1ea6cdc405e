package factory

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// plan is a checked configuration, ready for calls. Nothing in it changes any more.
type plan struct {
	spec          runtime.Spec // but for command, environment and mount sources
	env           []string     // of the configuration, with bare names
	baseDir       string       // absolute; empty: the working directory at the call
	options       runtime.Options
	maxConcurrent int
}

// newPlan checks c as far as that can be done without a runtime.
func newPlan(c *Config, faults *faults) *plan {
	p := &plan{
		env:           slices.Clone(c.Env),
		maxConcurrent: c.MaxConcurrent,
		options:       runtime.Options{Timeout: c.Timeout, PullTimeout: c.PullTimeout, Logger: c.Logger, Name: faults.sandbox},
	}
	p.spec.Image = c.Image
	p.setFlags(c, faults)
	p.setLimits(c, faults)
	switch c.MountCheck {
	case "", "on":
	case "off":
		p.options.SkipMountCheck = true
	default:
		faults.add("mount_check", fmt.Sprintf("%q: it takes on or off", shorten(c.MountCheck)))
	}
	p.setBaseDir(c.BaseDir, faults)
	if p.spec.Image == "" && faults.has("image") {
		p.spec.Image = "image" // what is wrong with it was said; look at the rest
	}
	for _, err := range p.sample().Faults() {
		faults.addError(err)
	}
	p.setIsolation(c, faults)
	return p
}

// setIsolation says at once what strict isolation refuses by the configuration alone;
// the Launcher sees to the rest.
func (p *plan) setIsolation(c *Config, faults *faults) {
	isolation, err := runtime.ParseIsolation(c.Isolation, c.Allow)
	if err != nil {
		faults.addError(err)
		return
	}
	isolation.RequireDigest = c.RequireDigest && !faults.has("image")
	p.options.Isolation = isolation
	_, _, err = isolation.Apply(p.sample(), runtime.Surroundings{})
	if weak, ok := errors.AsType[runtime.Weakenings](err); ok {
		for _, w := range weak {
			faults.addError(w)
		}
	}
}

// setFlags fills the spec through docker's flags, so that a value means here what it
// means to `docker run`.
func (p *plan) setFlags(c *Config, faults *faults) {
	// One flag set for all keys: making one is most of what runtime.SetFlag costs.
	fs := pflag.NewFlagSet("docker run", pflag.ContinueOnError)
	runtime.AddFlags(fs, &p.spec)
	for i := range keyTable {
		d := &keyTable[i]
		if d.values == nil {
			continue
		}
		values := d.values(c)
		for j, v := range values {
			err := fs.Lookup(d.Flag).Value.Set(v)
			if err == nil {
				continue
			}
			at := d.Name
			if d.kind.many {
				at += "[" + strconv.Itoa(j) + "]"
			}
			faults.add(at, valueError(v, err))
		}
	}
	p.setExtraArgs(c.ExtraArgs, faults)
}

// setExtraArgs goes on behind an entry that is wrong, with the next that looks like a
// flag, so that all of them are reported.
func (p *plan) setExtraArgs(args []string, faults *faults) {
	for at := 0; at < len(args); {
		rest := args[at:]
		err := runtime.SetFlags(&p.spec, rest)
		if err == nil {
			return
		}
		good := len(rest) - 1
		for good > 0 && runtime.SetFlags(new(runtime.Spec), rest[:good]) != nil {
			good--
		}
		if good > 0 {
			_ = runtime.SetFlags(&p.spec, rest[:good]) // has just worked
		}
		at += good
		faults.addAt("extra_args["+strconv.Itoa(at)+"]", "extra_args", redactArgs(errorText(err), args))
		for at++; at < len(args) && !strings.HasPrefix(args[at], "-"); at++ {
		}
	}
}

// valueError shows the value, unless the error does so already.
func valueError(value string, err error) string {
	quoted := strconv.Quote(shorten(value))
	if rest, ok := strings.CutPrefix(err.Error(), strconv.Quote(value)); ok {
		return quoted + rest
	}
	return quoted + ": " + err.Error()
}

// redactArgs takes what may be a secret out of a message about extra_args: whatever
// follows a = in an entry that is the value of an --env, or a word of its own.
func redactArgs(text string, args []string) string {
	for _, arg := range args {
		entry := arg
		switch {
		case strings.HasPrefix(arg, "--env="):
			entry = strings.TrimPrefix(arg, "--env=")
		case strings.HasPrefix(arg, "-e"):
			entry = strings.TrimPrefix(strings.TrimPrefix(arg, "-e"), "=")
		case strings.HasPrefix(arg, "-"):
			continue
		}
		name, value, ok := strings.Cut(entry, "=")
		if !ok || value == "" {
			continue
		}
		// Messages quote what they show.
		for _, form := range []string{entry, strings.Trim(strconv.Quote(entry), `"`)} {
			text = strings.ReplaceAll(text, form, name+"=...")
		}
	}
	return text
}

func (p *plan) setLimits(c *Config, faults *faults) {
	for _, d := range []struct {
		key   string
		value time.Duration
	}{{"timeout", c.Timeout}, {"pull_timeout", c.PullTimeout}} {
		if d.value < 0 {
			faults.add(d.key, d.value.String()+" is negative")
		}
	}
	if c.MaxConcurrent < 0 {
		faults.add("max_concurrent", strconv.Itoa(c.MaxConcurrent)+" is negative; 0 is no limit")
	}
	if c.MaxOutput == "" {
		return
	}
	n, err := units.RAMInBytes(c.MaxOutput)
	if err != nil || n <= 0 {
		faults.add("max_output", fmt.Sprintf("%q: it takes a size above 0, such as 1m", shorten(c.MaxOutput)))
		return
	}
	p.options.MaxOutput = n
}

// setBaseDir makes the directory absolute now: it stands for a place, where an empty
// one stands for wherever the process is at the call, as with docker's own -v.
func (p *plan) setBaseDir(dir string, faults *faults) {
	if dir != "" {
		// The rules for a mount's source are those for the directory that it starts at.
		m, err := runtime.Mount{Type: runtime.MountBind, Source: dir, Target: "/base"}.Abs("")
		if err != nil {
			faults.add("base_dir", fmt.Sprintf("%q: it takes a directory: an absolute path, a relative one, or one below ~/", shorten(dir)))
			return
		}
		p.baseDir = m.Source
	}
	checked := p.spec
	if err := checked.AbsMounts(p.baseDir); err != nil {
		faults.addError(err)
	}
}

// call is the container for one request.
func (p *plan) call(command string, args, env []string) (runtime.Spec, error) {
	spec := p.spec
	if command == "" {
		return spec, &runtime.Error{Kind: runtime.ErrInvalidSpec, Message: "the request has no command to run"}
	}
	if err := spec.AbsMounts(p.baseDir); err != nil {
		return spec, err
	}
	spec.Args = append([]string{command}, args...)
	spec.Env = hostEnv(nil, p.env)
	spec.Env = append(spec.Env, p.spec.Env...) // of extra_args, with docker's rules
	spec.Env = hostEnv(spec.Env, env)
	return spec, nil
}

// hostEnv appends entries to env; a bare name becomes what this process has for it,
// and is skipped when there is nothing, as PromptKit has it.
func hostEnv(env, entries []string) []string {
	for _, entry := range entries {
		if !strings.Contains(entry, "=") {
			value, ok := os.LookupEnv(entry)
			if !ok {
				continue
			}
			entry += "=" + value
		}
		env = append(env, entry)
	}
	return env
}

// check says why a runtime can't run the plan's containers, without contacting its
// engine.
func (p *plan) check(rt runtime.Runtime) error {
	spec, _, err := p.options.Isolation.Apply(p.sample(), runtime.Surroundings{})
	if err != nil {
		return err
	}
	return runtime.CheckSpec(rt, spec)
}

// sample is a spec as a call would have it, but for values that are the call's.
func (p *plan) sample() runtime.Spec {
	spec := p.spec
	_ = spec.AbsMounts(p.baseDir) // newPlan has reported it
	spec.Args = []string{"command"}
	spec.Env = slices.Concat(p.env, p.spec.Env)
	return spec
}
