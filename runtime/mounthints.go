package runtime

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

// MountHints says which bind mounts the command will probably not be able to use, and
// why: owner and mode of the source on this host, for the user that spec runs as on the
// engine that info describes, and SELinux. spec should be as it is run; see
// [Launcher.Isolate]. It only guesses: ACLs and what is in a directory are not looked at, and
// nothing is said of a user who is known by name alone. Not for an engine that sees another
// filesystem.
func MountHints(spec Spec, info Info) []string {
	return mountHints(spec, info, seLinux())
}

func mountHints(spec Spec, info Info, enforcing bool) []string {
	who, known := hostUser(spec, info)
	var hints []string
	for _, m := range spec.Mounts {
		if m.Type != MountBind {
			continue
		}
		stat, err := os.Stat(m.Source)
		if err != nil {
			continue // CheckMounts says it
		}
		say := func(what string) { hints = append(hints, fmt.Sprintf("mount %q: %s", m.Redacted(), what)) }
		if owner, ok := ownerOf(stat); ok && known {
			if lacks := who.lacks(stat, owner, m.ReadOnly()); lacks != "" {
				say(fmt.Sprintf("%s, of uid %d and gid %d, can't be %s by the command, which is %s on this host; %s",
					stat.Mode(), owner.uid, owner.gid, lacks, who, who.help))
			}
		}
		if enforcing && !relabelled(m) && !slices.ContainsFunc(spec.SecurityOpts, isLabelDisabled) && !hasContainerLabel(m.Source) {
			say("SELinux is enforcing, and the source has no label that containers may use; the option z gives it one that all containers share, Z one of this container's own (not for what the host uses, too)")
		}
	}
	return hints
}

// identity is a user of the host. Negative numbers are nobody's here.
type identity struct {
	uid, gid int
	all      bool // reads and writes whatever it likes
	help     string
}

func (u identity) String() string {
	if u.uid < 0 {
		return "a subordinate user"
	}
	return fmt.Sprintf("uid %d", u.uid)
}

// lacks says what a user can't do with a file, or nothing.
func (u identity) lacks(stat fs.FileInfo, owner identity, readOnly bool) string {
	bits := stat.Mode().Perm()
	switch {
	case u.all:
		return ""
	case u.uid == owner.uid:
		bits >>= 6
	case u.gid == owner.gid:
		bits >>= 3
	}
	read := fs.FileMode(4)
	if stat.IsDir() {
		read = 5
	}
	switch {
	case bits&read != read:
		return "read"
	case !readOnly && bits&2 == 0:
		return "written to"
	}
	return ""
}

// hostUser is who the command is on the host, when that can be told.
func hostUser(spec Spec, info Info) (identity, bool) {
	user, group, _ := strings.Cut(spec.User, ":")
	uid, gid := 0, 0
	if !isRoot(spec.User) {
		var err error
		if uid, err = strconv.Atoi(user); err != nil {
			return identity{}, false
		}
	}
	if group != "" && group != "root" {
		var err error
		if gid, err = strconv.Atoi(group); err != nil {
			return identity{}, false
		}
	}
	powers := spec.Privileged || !slices.ContainsFunc(spec.CapDrop, func(c string) bool { return strings.EqualFold(c, "all") })
	mode, options, _ := strings.Cut(spec.UserNS, ":")
	if !info.Rootless {
		if mode != "" && mode != "host" {
			return identity{}, false
		}
		return identity{uid: uid, gid: gid, all: uid == 0 && powers, help: "change its mode or owner, or set user"}, true
	}
	own, ok := engineUser(info)
	if !ok {
		return identity{}, false
	}
	other := identity{uid: -1, gid: -1, help: "make it readable for all, or set user: root, who is the engine's own user on the host"}
	if info.Engine == enginePodman {
		other.help = "set userns: keep-id:uid=UID,gid=GID with the user's numbers, or make it readable for all"
	}
	mapped := 0 // the user in the container who is the engine's own
	switch {
	case mode == "keep-id" && strings.Contains(options, "uid="):
		_, rest, _ := strings.Cut(options, "uid=")
		rest, _, _ = strings.Cut(rest, ",")
		mapped, _ = strconv.Atoi(rest)
	case mode == "keep-id":
		mapped = own.uid
	case mode != "":
		return identity{}, false
	}
	if uid != mapped {
		return other, true
	}
	own.help = "change its mode or owner"
	return own, true
}

// engineUser is who owns the engine's socket, or else this process's user.
func engineUser(info Info) (identity, bool) {
	if sock, ok := strings.CutPrefix(info.Endpoint, "unix://"); ok {
		if stat, err := os.Stat(sock); err == nil {
			return ownerOf(stat)
		}
	}
	return identity{uid: os.Getuid(), gid: os.Getgid()}, os.Getuid() >= 0
}

func relabelled(m Mount) bool {
	return slices.Contains(m.Options, "z") || slices.Contains(m.Options, "Z")
}

func isLabelDisabled(opt string) bool { return opt == "label=disable" || opt == "label:disable" }

// seLinux reports whether it is there and enforces.
func seLinux() bool {
	data, err := os.ReadFile("/sys/fs/selinux/enforce")
	return err == nil && strings.TrimSpace(string(data)) == "1"
}
