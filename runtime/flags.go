package runtime

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// AddFlags defines the flags of `docker run` that mean the same on every runtime on
// fs, with docker's names, shorthands and values. Parsing fs then fills spec; a
// repeated list flag adds, any other one replaces. Flags that would break a call
// (--detach, --tty, --name, ...) are defined too, hidden, and fail with the reason.
func AddFlags(fs *pflag.FlagSet, spec *Spec) {
	for _, d := range flagTable {
		v := &flagValue{def: d, spec: spec}
		f := fs.VarPF(v, d.name, d.short, d.usage)
		f.DefValue = ""
		f.Hidden = d.hidden
		if d.typ == "bool" {
			f.NoOptDefVal = "true"
		}
	}
}

// SetFlags parses args as flags of `docker run` into spec. A flag that [AddFlags] does
// not know goes to [Spec.Passthrough], and must be in the form --flag=value, so that no
// entry can turn into the image or the command. Errors are of kind [ErrInvalidSpec];
// spec is then unchanged.
func SetFlags(spec *Spec, args []string) error {
	next := spec.clone()
	fs := newFlagSet(&next)
	for _, arg := range args {
		// Whether arg is a flag or the value of the one before is for pflag to say: to
		// define a flag that is then not used does no harm.
		name, _, ok := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		if ok && name != "" && strings.HasPrefix(arg, "--") && fs.Lookup(name) == nil {
			fs.Var(&passthroughValue{name: name, spec: &next}, name, "")
		}
	}
	if err := fs.Parse(args); err != nil {
		return flagError(err)
	}
	switch dash := fs.ArgsLenAtDash(); {
	case dash >= 0:
		return flagError(errors.New(`"--" would end the flags: what follows would become the image or the command`))
	case fs.NArg() > 0:
		return flagError(fmt.Errorf("%q is no flag, nor the value of one: it would become the image or the command", fs.Arg(0)))
	}
	*spec = next
	return nil
}

// Flags gives spec as flags of `docker run`, in a fixed order, each in the form
// --flag=value; SetFlags of them gives spec back. Left out are image, command and name,
// Passthrough, Pull and, as env values do not belong into an argv, Env and EnvFiles.
func (s Spec) Flags() []string {
	var out []string
	for _, d := range flagTable {
		if d.get == nil {
			continue
		}
		for _, value := range d.get(&s) {
			out = append(out, "--"+d.name+"="+value)
		}
	}
	return out
}

// PodmanFlags gives what of spec only `podman run` has flags for, as Flags does.
func (s Spec) PodmanFlags() []string {
	var out []string
	if s.NoProxy {
		out = append(out, "--http-proxy=false")
	}
	if s.NoSystemd {
		out = append(out, "--systemd=false", "--sdnotify=ignore")
	}
	return out
}

func newFlagSet(spec *Spec) *pflag.FlagSet {
	fs := pflag.NewFlagSet("docker run", pflag.ContinueOnError)
	fs.SetInterspersed(false)
	fs.Usage = func() {}
	AddFlags(fs, spec)
	return fs
}

func flagError(err error) *Error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "unknown flag: "); ok {
		text += "; a flag that not every runtime takes must be written " + name + "=value"
	}
	if strings.HasPrefix(text, "unknown shorthand flag: ") {
		text += "; write the flag out, as --flag=value"
	}
	return &Error{Kind: ErrInvalidSpec, Message: text}
}

// clone copies all that a flag may change in place.
func (s *Spec) clone() Spec {
	c := *s
	for _, list := range []*[]string{
		&c.Entrypoint, &c.Env, &c.EnvFiles, &c.GroupAdd, &c.GPUs, &c.AddHosts, &c.DNS, &c.DNSSearch,
		&c.DNSOptions, &c.CapAdd, &c.CapDrop, &c.SecurityOpts, &c.Passthrough,
	} {
		*list = slices.Clip(*list)
	}
	c.Mounts, c.Tmpfs = slices.Clip(c.Mounts), slices.Clip(c.Tmpfs)
	c.Devices, c.Ulimits = slices.Clip(c.Devices), slices.Clone(c.Ulimits)
	c.Labels, c.LogOpts, c.Sysctls = cloneMap(c.Labels), cloneMap(c.LogOpts), cloneMap(c.Sysctls)
	return c
}

func cloneMap(m map[string]string) map[string]string {
	if m == nil {
		return nil
	}
	c := make(map[string]string, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

// flagDef is one row of the table.
type flagDef struct {
	name, short string
	typ         string // as help shows it
	usage       string
	hidden      bool
	set         func(*Spec, string) error
	get         func(*Spec) []string // values that set takes; nil: not rendered
}

// flagValue is a row bound to a Spec, as pflag wants it.
type flagValue struct {
	def  *flagDef
	spec *Spec
}

func (v *flagValue) Set(s string) error { return v.def.set(v.spec, s) }
func (v *flagValue) Type() string       { return v.def.typ }
func (v *flagValue) String() string {
	if v.def == nil || v.def.get == nil {
		return ""
	}
	return strings.Join(v.def.get(v.spec), ",")
}

type passthroughValue struct {
	name string
	spec *Spec
}

func (v *passthroughValue) Set(s string) error {
	v.spec.Passthrough = append(v.spec.Passthrough, "--"+v.name+"="+s)
	return nil
}
func (v *passthroughValue) Type() string   { return "string" }
func (v *passthroughValue) String() string { return "" }

// Row makers: each keeps set and get beside each other, so that they can't drift apart.

func stringFlag(name, short, usage string, at func(*Spec) *string) *flagDef {
	return &flagDef{name: name, short: short, typ: "string", usage: usage,
		set: func(s *Spec, v string) error { *at(s) = v; return nil },
		get: func(s *Spec) []string {
			if *at(s) == "" {
				return nil
			}
			return []string{*at(s)}
		},
	}
}

func boolFlag(name, usage string, at func(*Spec) *bool) *flagDef {
	return &flagDef{name: name, typ: "bool", usage: usage,
		set: func(s *Spec, v string) error {
			b, err := strconv.ParseBool(v)
			if err != nil {
				return fmt.Errorf("%q is neither true nor false", v)
			}
			*at(s) = b
			return nil
		},
		get: func(s *Spec) []string {
			if !*at(s) {
				return nil
			}
			return []string{"true"}
		},
	}
}

// numberFlag is a flag whose zero value means "not given".
func numberFlag[N int | int64](name, short, typ, usage string, at func(*Spec) *N, parse func(string) (N, error)) *flagDef {
	return &flagDef{name: name, short: short, typ: typ, usage: usage,
		set: func(s *Spec, v string) error {
			n, err := parse(v)
			if err != nil {
				return err
			}
			*at(s) = n
			return nil
		},
		get: func(s *Spec) []string {
			if *at(s) == 0 {
				return nil
			}
			return []string{strconv.FormatInt(int64(*at(s)), 10)}
		},
	}
}

func listFlag(name, short, usage string, at func(*Spec) *[]string, check func(string) (string, error)) *flagDef {
	return &flagDef{name: name, short: short, typ: "list", usage: usage,
		set: func(s *Spec, v string) error {
			if check != nil {
				checked, err := check(v)
				if err != nil {
					return err
				}
				v = checked
			}
			*at(s) = append(*at(s), v)
			return nil
		},
		get: func(s *Spec) []string { return *at(s) },
	}
}

func mapFlag(name, short, usage string, at func(*Spec) *map[string]string, check func(string) (string, error)) *flagDef {
	return &flagDef{name: name, short: short, typ: "list", usage: usage,
		set: func(s *Spec, v string) error {
			if check != nil {
				if _, err := check(v); err != nil {
					return err
				}
			}
			key, value, _ := strings.Cut(v, "=")
			if key == "" {
				return fmt.Errorf("%q has no name; it takes name=value", v)
			}
			if *at(s) == nil {
				*at(s) = map[string]string{}
			}
			(*at(s))[key] = value
			return nil
		},
		get: func(s *Spec) []string {
			out := make([]string, 0, len(*at(s)))
			for k, v := range *at(s) {
				out = append(out, k+"="+v)
			}
			slices.Sort(out)
			return out
		},
	}
}

// fixedFlag is a flag that can only say what is so anyway.
func fixedFlag(name, short string, must bool, why string) *flagDef {
	return &flagDef{name: name, short: short, typ: "bool", hidden: true,
		set: func(_ *Spec, v string) error {
			if b, err := strconv.ParseBool(v); err != nil || b != must {
				return errors.New(why)
			}
			return nil
		},
	}
}

// refusedFlag is a flag that would break a call whatever it says.
func refusedFlag(name, short, why string) *flagDef {
	return &flagDef{name: name, short: short, typ: "string", hidden: true,
		set: func(*Spec, string) error { return errors.New(why) },
	}
}
