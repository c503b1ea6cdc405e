package runtime

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/docker/cli/opts"
)

// MountType is what a [Mount] mounts.
type MountType string

// The types of mount.
const (
	MountBind   MountType = "bind"   // a path of the host
	MountVolume MountType = "volume" // a volume of the engine
	MountTmpfs  MountType = "tmpfs"
	MountImage  MountType = "image"
)

// Mount is one -v or --mount of `docker run`.
type Mount struct {
	Type MountType
	// Source is a path for a bind mount, a name for a volume. A volume without one
	// is anonymous: fresh, and removed with the container.
	Source string
	Target string // absolute path in the container
	// Options in the order given: of -v (ro, z, rprivate, nocopy, ...), or for Long the
	// fields of --mount other than type, source and target (readonly, ...).
	Options []string
	// Long says that this is a --mount. The engine then fails on a source that does
	// not exist; with -v Docker makes a directory of it.
	Long bool
}

// volumeNameRE is what Docker takes as a volume's name.
var volumeNameRE = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`)

// driveRE is the start of an absolute path on Windows.
var driveRE = regexp.MustCompile(`^[a-zA-Z]:[\\/]`)

// The options of -v. At most one of each group can be given.
var shortOptions = []struct {
	group   string
	only    MountType // empty: for every type
	options []string
}{
	{"access", "", []string{"ro", "rw"}},
	{"SELinux label", "", []string{"z", "Z"}},
	{"propagation", MountBind, []string{"private", "rprivate", "slave", "rslave", "shared", "rshared"}},
	{"copy", MountVolume, []string{"nocopy"}},
	{"consistency", "", []string{"consistent", "cached", "delegated"}},
}

// ParseMount reads a -v of `docker run`: [source:]target[:option,...]. A source that
// begins with /, . or ~ (or a Windows drive) is a path, any other one is a volume's
// name. It looks at no file; [Mount.Abs] makes the source absolute, and [CheckMounts]
// looks whether it exists.
func ParseMount(spec string) (Mount, error) {
	m, err := parseShort(spec)
	if err == nil {
		err = m.check()
	}
	if err != nil {
		return Mount{}, fmt.Errorf("%q is not a mount: %w", spec, err)
	}
	return m, nil
}

func parseShort(spec string) (Mount, error) {
	if spec == "" {
		return Mount{}, errors.New("it is empty; it takes source:target[:option,...]")
	}
	drive := ""
	if driveRE.MatchString(spec) {
		drive, spec = spec[:2], spec[2:]
	}
	parts := strings.Split(spec, ":")
	if slices.Contains(parts, "") {
		return Mount{}, errors.New("there is nothing before or after a colon; it takes source:target[:option,...]")
	}
	parts[0] = drive + parts[0]
	m := Mount{Type: MountVolume}
	switch len(parts) {
	case 1:
		if drive != "" {
			return Mount{}, fmt.Errorf("%q has no target: one letter before a colon is a Windows drive (a volume's name has two characters or more)", parts[0])
		}
		m.Target = parts[0]
	case 2, 3:
		m.Source, m.Target = parts[0], parts[1]
		if isPath(m.Source) {
			m.Type = MountBind
		}
		if len(parts) == 3 {
			m.Options = strings.Split(parts[2], ",")
		}
	default:
		return Mount{}, errors.New("it has too many colons; mount a path with a colon in it with --mount type=bind,source=SOURCE,target=TARGET")
	}
	return m, nil
}

// isPath is docker's rule for telling a path from a volume's name.
func isPath(source string) bool {
	return strings.ContainsRune("/.~", rune(source[0])) || driveRE.MatchString(source) || strings.HasPrefix(source, `\\`)
}

// ParseLongMount reads a --mount of `docker run`: type=bind,source=/a,target=/b[,...].
func ParseLongMount(spec string) (Mount, error) {
	m, err := parseLong(spec)
	if err == nil {
		err = m.check()
	}
	if err != nil {
		return Mount{}, fmt.Errorf("%q is not a mount: %w", redacted(spec), err)
	}
	return m, nil
}

func parseLong(spec string) (Mount, error) {
	// docker's own parser says what is valid; the fields are then kept as they are.
	var value opts.MountOpt
	if err := value.Set(spec); err != nil {
		return Mount{}, err
	}
	fields, err := csv.NewReader(strings.NewReader(spec)).Read()
	if err != nil {
		return Mount{}, err
	}
	m := Mount{Type: MountType(value.Value()[0].Type), Long: true}
	// One spelling of what docker reads as true: readonly=t is nothing to Podman's API, and
	// readonly nothing to Podman 4.3's command line for a volume.
	readOnly := value.Value()[0].ReadOnly
	for _, field := range fields {
		key, val, _ := strings.Cut(field, "=")
		switch key = strings.ToLower(key); key {
		case "type":
		case "source", "src":
			m.Source = val
		case "target", "dst", "destination":
			m.Target = val
		case "readonly", "ro":
			if readOnly {
				field = "ro"
			}
			m.Options = append(m.Options, field)
		default:
			m.Options = append(m.Options, field)
		}
	}
	return m, nil
}

// String gives the mount as -v or --mount takes it.
func (m Mount) String() string {
	if m.Long {
		fields := []string{"type=" + string(m.Type)}
		if m.Source != "" {
			fields = append(fields, "source="+m.Source)
		}
		fields = append(fields, "target="+m.Target)
		var b strings.Builder
		w := csv.NewWriter(&b)
		_ = w.Write(append(fields, m.Options...)) // a strings.Builder never fails
		w.Flush()
		return strings.TrimSuffix(b.String(), "\n")
	}
	parts := []string{m.Target}
	if m.Source != "" {
		source := m.Source
		if m.Type == MountBind && !isPath(source) {
			source = "./" + source // else it were a volume's name
		}
		parts = []string{source, m.Target}
	}
	if len(m.Options) > 0 {
		parts = append(parts, strings.Join(m.Options, ","))
	}
	return strings.Join(parts, ":")
}

// Redacted is String for messages: the options of a volume, which can hold a password, are
// not shown.
func (m Mount) Redacted() string { return redacted(m.String()) }

func redacted(text string) string { return volumeOptRE.ReplaceAllString(text, "volume-opt=...") }

// volumeOptRE matches a field of --mount, with the quotes around it if it has any.
var volumeOptRE = regexp.MustCompile(`(?i)"volume-opt=(?:[^"]|"")*"?|volume-opt=[^,]*`)

// ReadOnly reports whether the container can't write to the mount.
func (m Mount) ReadOnly() bool {
	if !m.Long {
		return slices.Contains(m.Options, "ro")
	}
	var value opts.MountOpt
	return value.Set(m.String()) == nil && value.Value()[0].ReadOnly
}

// Abs makes the source of a bind mount absolute and clean: ~ is the home directory, a
// relative path starts at base, and an empty base is the working directory.
func (m Mount) Abs(base string) (Mount, error) {
	if m.Type != MountBind {
		return m, nil
	}
	src := m.Source
	switch {
	case src == "~" || strings.HasPrefix(src, "~/"):
		home, err := os.UserHomeDir()
		if err != nil {
			return m, fmt.Errorf("mount %q: there is no home directory for ~: %w", m.Redacted(), err)
		}
		src = filepath.Join(home, src[1:])
	case strings.HasPrefix(src, "~"):
		return m, fmt.Errorf("mount %q: only ~ and ~/... are known; write another user's home directory out", m.Redacted())
	case !filepath.IsAbs(src) && !driveRE.MatchString(src) && !strings.HasPrefix(src, "/"):
		src = filepath.Join(base, src)
	}
	if driveRE.MatchString(src) && filepath.Separator == '/' {
		m.Source = src // a path of a remote Windows client; not ours to clean
		return m, nil
	}
	abs, err := filepath.Abs(src)
	if err != nil {
		return m, fmt.Errorf("mount %q: %w", m.Redacted(), err)
	}
	m.Source = abs
	return m, nil
}

// AbsMounts makes the sources of all bind mounts absolute; see [Mount.Abs].
func (s *Spec) AbsMounts(base string) error {
	mounts := slices.Clone(s.Mounts)
	for i := range mounts {
		m, err := mounts[i].Abs(base)
		if err != nil {
			return &Error{Kind: ErrInvalidSpec, Message: err.Error()}
		}
		mounts[i] = m
	}
	s.Mounts = mounts
	return nil
}
