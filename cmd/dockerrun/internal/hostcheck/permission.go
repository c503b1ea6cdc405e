package hostcheck

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Permission says why the user may not use a socket, and how that is changed; nothing
// when the user may, or when there is none.
func (h Host) Permission(kind, path string) []Finding {
	info, err := os.Stat(h.file(path))
	switch {
	case errors.Is(err, fs.ErrPermission), err == nil && !h.maySearch(filepath.Dir(path)):
		return []Finding{{Error, fmt.Sprintf("%s may not search the directory of the socket %s, which is for its owner only", h.who(), path), h.own(kind)}}
	case err != nil || h.mayUse(info):
		return nil
	}
	_, gid, ok := owner(info)
	group := h.group(gid)
	if !ok || info.Mode().Perm()&0o020 == 0 || group.name == "" || gid == 0 {
		return []Finding{{Error, fmt.Sprintf("%s may not use the socket %s, which is for its owner only", h.who(), path), h.own(kind)}}
	}
	finding := Finding{Error, fmt.Sprintf("%s may not use the socket %s: it is for the group %s", h.who(), path, group.name), ""}
	if slices.Contains(group.members, h.User) {
		finding.Do = "you are in that group, but this session began before you were: log in again, or run newgrp " + group.name
	} else {
		finding.Do = fmt.Sprintf("sudo usermod --append --groups %s %s, then log in again; mind that who may use this socket is root on this machine in all but name", group.name, h.User)
	}
	return []Finding{finding}
}

// own is how a user gets an engine that is his own.
func (h Host) own(kind string) string {
	if kind == Podman {
		return "start a service of your own, which needs no root: systemctl --user enable --now podman.socket"
	}
	return "run as its owner, or set up rootless Docker (dockerd-rootless-setuptool.sh install)"
}

func (h Host) who() string {
	if h.User != "" {
		return h.User
	}
	return "user " + strconv.Itoa(h.UID)
}

// mayUse reports whether the user may write to a file, which is what using a socket takes.
func (h Host) mayUse(info fs.FileInfo) bool { return h.may(info, 0o2) }

// maySearch reports whether the user may go through a directory and those above it.
func (h Host) maySearch(dir string) bool {
	for ; ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(h.file(dir)); err != nil || !h.may(info, 0o1) {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

func (h Host) may(info fs.FileInfo, bit fs.FileMode) bool {
	uid, gid, ok := owner(info)
	mode := info.Mode().Perm()
	switch {
	case !ok || h.UID <= 0: // no such thing here, or root
		return true
	case uid == h.UID:
		return mode&(bit<<6) != 0
	case slices.Contains(h.Groups, gid):
		return mode&(bit<<3) != 0
	}
	return mode&bit != 0
}

type group struct {
	name    string
	members []string
}

// group looks a group up by its number.
func (h Host) group(gid int) group {
	var found group
	h.lines("/etc/group", func(fields []string) bool { // name:password:gid:members
		if len(fields) > 3 && fields[2] == strconv.Itoa(gid) {
			found = group{fields[0], strings.FieldsFunc(fields[3], func(r rune) bool { return r == ',' })}
		}
		return found.name == ""
	})
	return found
}

// lines calls f for the lines of a file, cut at colons, until f is false. A file that can't
// be read has none.
func (h Host) lines(path string, f func(fields []string) bool) {
	file, err := os.Open(h.file(path))
	if err != nil {
		return
	}
	defer file.Close()
	for s := bufio.NewScanner(file); s.Scan(); {
		if !f(strings.Split(strings.TrimSpace(s.Text()), ":")) {
			return
		}
	}
}
