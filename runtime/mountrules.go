package runtime

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// check holds the rules that need no more than the mount itself. Targets are
// checked in Spec.Validate, where two of them can be compared.
func (m Mount) check() error {
	switch {
	case m.Type == "" || string(m.Type) != strings.ToLower(string(m.Type)):
		return fmt.Errorf("%q is no type of mount; it takes bind, volume, tmpfs or image", m.Type)
	case !m.Long && m.Type != MountBind && m.Type != MountVolume:
		return fmt.Errorf("a -v is of type bind or volume; one of type %s needs the long form (--mount)", m.Type)
	case m.Target == "":
		return errors.New("it has no target")
	case !strings.HasPrefix(m.Target, "/"):
		if _, _, ok := lookUpOption(m.Target); ok && m.Source != "" {
			return fmt.Errorf("%q stands where the target should be; it takes source:target:%s", m.Target, m.Target)
		}
		return fmt.Errorf("its target %q is relative; it takes an absolute path in the container", m.Target)
	case filepath.ToSlash(filepath.Clean(m.Target)) == "/":
		return errors.New("its target is /; the container's root directory can't be replaced")
	case m.Type == MountBind && m.Source == "":
		return errors.New("a bind mount needs a source")
	case m.Type == MountVolume && m.Source != "" && !volumeNameRE.MatchString(m.Source):
		return fmt.Errorf("%q is no volume name; a path on the host begins with /, ./ or ~/", m.Source)
	case m.Long:
		return m.checkLong()
	case strings.ContainsAny(m.Source+m.Target, ":") && !driveRE.MatchString(m.Source):
		return errors.New("a path with a colon in it needs the long form (--mount)")
	}
	given := map[string]string{}
	for _, option := range m.Options {
		group, only, ok := lookUpOption(option)
		switch {
		case !ok:
			return fmt.Errorf("%q is not a mount option; it takes ro, rw, z, Z, nocopy, consistent, cached, delegated, [r]private, [r]slave, [r]shared", option)
		case only != "" && only != m.Type:
			return fmt.Errorf("option %q is for %s mounts, and this is a %s", option, only, m.Type)
		case given[group] != "":
			return fmt.Errorf("options %q and %q can't be combined", given[group], option)
		}
		given[group] = option
	}
	return nil
}

// checkLong refuses what would be another mount in the text of a --mount; what the options
// are worth is for docker's parser. It hands a propagation on unread, which an engine may
// take for another option, such as Podman's U, which gives the source another owner.
func (m Mount) checkLong() error {
	if strings.Contains(strings.Join(append([]string{string(m.Type), m.Source, m.Target}, m.Options...), "\x00"), "\r\n") {
		return errors.New("it has a carriage return before a line feed, which --mount has no way to write")
	}
	for _, option := range m.Options {
		key, value, _ := strings.Cut(strings.ToLower(option), "=")
		switch key {
		case "type", "source", "src", "target", "dst", "destination":
			return fmt.Errorf("%q is no option of a mount, but its %s", option, key)
		case "bind-propagation":
			if group, _, _ := lookUpOption(value); group != "propagation" {
				return fmt.Errorf("%q: bind-propagation takes [r]private, [r]slave or [r]shared", option)
			}
		}
	}
	return nil
}

func lookUpOption(option string) (group string, only MountType, ok bool) {
	for _, g := range shortOptions {
		if slices.Contains(g.options, option) {
			return g.group, g.only, true
		}
	}
	return "", "", false
}

// validate is check with the error of a Spec.
func (m Mount) validate() error {
	if err := m.check(); err != nil {
		return invalid("mount", m.Redacted(), err.Error())
	}
	return nil
}
