package hostcheck

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// enoughIDs are as many as images use: uid 65534 is nobody.
const enoughIDs = 65536

// Rootless says what an engine that runs as this user lacks. Nothing for root, who needs
// none of it, and on systems whose engines run in a virtual machine.
func (h Host) Rootless() []Finding {
	if h.OS != "linux" || h.UID <= 0 {
		return nil
	}
	return slices.Concat(h.subIDs(), h.idMappers(), h.runtimeDir(), h.cgroups())
}

func (h Host) subIDs() []Finding {
	elsewhere := false // sssd and the like have them
	h.lines("/etc/nsswitch.conf", func(fields []string) bool {
		elsewhere = strings.TrimSpace(fields[0]) == "subid"
		return !elsewhere
	})
	if elsewhere {
		return nil
	}
	add := fmt.Sprintf("sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %s && podman system migrate (with a range that nobody else has)", h.who())
	var found []Finding
	for _, file := range []string{"/etc/subuid", "/etc/subgid"} {
		total := 0
		h.lines(file, func(fields []string) bool { // user:first:count
			if len(fields) == 3 && (fields[0] == h.User || fields[0] == strconv.Itoa(h.UID)) {
				n, _ := strconv.Atoi(fields[2])
				total += n
			}
			return true
		})
		switch {
		case total == 0:
			found = append(found, Finding{Error, fmt.Sprintf("%s has no IDs for %s, so that rootless containers have one user only", file, h.who()), add})
		case total < enoughIDs:
			found = append(found, Finding{Warning, fmt.Sprintf("%s has %d IDs for %s; images want %d", file, total, h.who(), enoughIDs), add})
		}
	}
	return found
}

func (h Host) idMappers() []Finding {
	var missing []string
	for _, command := range []string{"newuidmap", "newgidmap"} {
		if !h.has(command) {
			missing = append(missing, command)
		}
	}
	if missing == nil {
		return nil
	}
	return []Finding{{Error, strings.Join(missing, " and ") + " can't be found: rootless containers get no other users without",
		"install the package uidmap (Debian, Ubuntu) or shadow-utils (Fedora and others)"}}
}

func (h Host) runtimeDir() []Finding {
	const use = "log in at a console or by ssh rather than by su, or run: sudo loginctl enable-linger %[1]s; export XDG_RUNTIME_DIR=/run/user/%[2]d"
	do := fmt.Sprintf(use, h.who(), h.UID)
	dir := h.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		return []Finding{{Warning, "XDG_RUNTIME_DIR is not set: that is where the sockets of rootless engines are looked for", do}}
	}
	info, err := os.Stat(h.file(dir))
	if err != nil || !info.IsDir() {
		return []Finding{{Warning, "XDG_RUNTIME_DIR is " + dir + ", which is no directory that can be used", do}}
	}
	if uid, _, ok := owner(info); ok && uid != h.UID {
		return []Finding{{Warning, fmt.Sprintf("XDG_RUNTIME_DIR is %s, which belongs to user %d", dir, uid), do}}
	}
	return nil
}

// cgroups says which limits a rootless engine can't hold containers to.
func (h Host) cgroups() []Finding {
	const v2 = "/sys/fs/cgroup/cgroup.controllers"
	if _, err := os.Stat(h.file(v2)); err != nil {
		return []Finding{{Warning, "this machine has cgroups v1, on which no rootless engine can hold containers to memory, cpu and pids limits",
			"boot with systemd.unified_cgroup_hierarchy=1 for cgroups v2, or leave such limits out"}}
	}
	path := fmt.Sprintf("/sys/fs/cgroup/user.slice/user-%[1]d.slice/user@%[1]d.service/cgroup.controllers", h.UID)
	data, err := os.ReadFile(h.file(path))
	if err != nil {
		return []Finding{{Warning, "there is no systemd session of " + h.who() + " whose cgroup a rootless engine could use for memory, cpu and pids limits",
			"log in at a console or by ssh, or run: sudo loginctl enable-linger " + h.who()}}
	}
	have := strings.Fields(string(data))
	var missing []string
	for _, controller := range []string{"cpu", "memory", "pids"} {
		if !slices.Contains(have, controller) {
			missing = append(missing, controller)
		}
	}
	if missing == nil {
		return nil
	}
	return []Finding{{Warning, "systemd does not delegate the cgroup controllers " + strings.Join(missing, ", ") + " to users, so that rootless engines can't enforce their limits",
		"put the lines [Service] and Delegate=cpu cpuset io memory pids into /etc/systemd/system/user@.service.d/delegate.conf, run sudo systemctl daemon-reload, and log in again"}}
}
