package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
)

// attempted is what the hostile program tells of one attempt.
type attempted struct{ Name, Outcome, Detail string }

// refusals say how attempts must end: with one of the outcomes. ENOSYS is how some
// engines' seccomp profiles refuse, and EPERM how the others do.
func refusals() []struct{ outcomes, attempts string } {
	return []struct{ outcomes, attempts string }{
		// Nothing of it leaves the container's network namespace, which has a loopback of its own.
		{"ENETUNREACH", `connect to the metadata service; connect to the internet; send a datagram to the internet; connect to the host`},
		{"ENETUNREACH EADDRNOTAVAIL EAFNOSUPPORT", `connect to the internet over IPv6`},
		{"ECONNREFUSED", `connect to the host's loopback; connect to the host's abstract socket`},
		{"lo", `see a network interface`},
		{"EPERM EAFNOSUPPORT", `open a raw socket; open a packet socket; open a vsock to the hypervisor; open a socket of the kernel's crypto`},
		{"EPERM", `take the loopback down; make a network interface`},

		// The command has no capability, and seccomp lets only those who have one through.
		{"EPERM ENOSYS", `mount a tmpfs; mount a new proc; mount a cgroup tree; mount one directory on another; make the root writable;
			unmount what hides the kernel's timers; open a file system; copy a tree of mounts; change the root; swap the root;
			open a file by its handle; reach disk quotas; load a module; load a module from a file; unload a module; load another kernel;
			restart the machine; set the clock; set the host's name; set the domain's name; swap to a file; log the accounts of processes;
			read the kernel's log; load a BPF program; make a BPF map; watch events of the CPU; handle faults of memory; set up an io_uring;
			watch all files; read the session's keyring; add a key; ask for a key; choose the place of memory; hang up the terminal;
			leave the mount namespace; leave the network namespace; leave the PID namespace;
			a child in a user namespace; a child in a user namespace, by clone3; mount a tmpfs as root of a user namespace;
			make the root writable as root of a user namespace; set the host's name as root of a user namespace;
			load a module as root of a user namespace; enter a namespace of PID 1; have another personality;
			become root; become a member of root's group; join other groups; take a capability; inherit a capability;
			raise the limit of open files; give a file to root; run as a real-time process; get before others for the disk;
			change which users there are; make the node of a disk; make the node of memory`},
		// Where there may be a user namespace, what the engine mounted over can't be taken off in it.
		{"EPERM ENOSYS EINVAL", `unmount what hides the kernel's timers as root of a user namespace`},
		{"EACCES EPERM", `get before others for the CPU; be the last to be killed for memory`},
		{"EINVAL", `have new privileges again; switch the filter of system calls off`},

		// Whom the command is, by the kernel's own word.
		{"65532 65532 65532 65532", `status Uid; status Gid`},
		{"65532", `status Groups`},
		{"0000000000000000", `status CapInh; status CapPrm; status CapEff; status CapBnd; status CapAmb`},
		{"1", `status NoNewPrivs`},
		{"2", `status Seccomp`}, // a filter
		{"uid 65532", `run a program that makes one root`},

		// Processes of others do not exist in the container's PID namespace.
		{"none", `see processes of others; find another call's secret`},
		{"ESRCH", `kill a process of the host; trace a process of the host; hold a process of the host;
			enter a namespace of a process of the host`},
		{"ESRCH EPERM ENOSYS", `read the memory of a process of the host; compare with a process of the host`},
		{"ENOENT", `read the environment of a process of the host`},

		// The root is read-only, and root's.
		{"EROFS", `make a file in the root; make a file in /etc; make a file in /bin; write into a mount;
			make a file in a directory of the image that all may write to; make a file in /sys`},
		{"ENOENT EROFS", `make a file in /var/tmp; make a file in /run`},
		{"EACCES EROFS", `make a file in /dev; change the program; change who may log in; change what names mean`},
		{"EACCES ENOENT EROFS", `run a program of the host when a cgroup is empty; make a cgroup; make a file in /proc;
			run a program of the host at a crash; run a program of the host at a hot plug; run a program of the host for a module;
			press SysRq; change a setting of memory; change a setting of the network; change the host's name by file`},
		{"EACCES", `run a program from /tmp; read root's directory`},
		{"nothing ENOENT EACCES EPERM", `read the kernel's memory; read the kernel's keys; read the kernel's timers; read the firmware's tables`},
		{"ENOENT", `read a file of the host; read a file of the host by going up; read a file of the host through a mounted symlink`},
		{"ENOENT EACCES", `read a file of the host through PID 1`},

		// There are no devices but those that every container has, and no engine.
		{"none", `see a device`},
		{"ENXIO", `open the terminal`},
		{"ENOENT", `open /dev/mem; open /dev/kmsg; open /dev/kvm; open /dev/sda; open /dev/vda; open /dev/fuse; open /dev/net/tun;
			open /dev/loop-control; open /dev/vsock; open /dev/vhost-net; open /var/run/docker.sock; open /run/docker.sock;
			open /run/podman/podman.sock; open /run/containerd/containerd.sock`},

		// What a call may take is bounded.
		{"EMFILE", `open files without end`},
		{"none", `fill what can be written to`},
	}
}

// let is an attempt that an engine does not refuse. Each is in docs/hostile.md.
type let struct {
	attempt  string
	outcome  string
	engines  []string // empty: any
	contains string   // why it is no way out, or what to do about it
}

func lets() []let {
	podman := []string{engines.Podman, engines.PodmanRootless, engines.PodmanCLI}
	inMemory := "a tmpfs of the container's own, with a bound"
	ownNamespace := "it is root of nothing but namespaces of its own, which end with the call; but more of the kernel's code is within reach"
	return []let{
		{"open a vsock to the hypervisor", "ok", nil, "no network namespace holds vsock, and seccomp profiles before Docker 23 let it through; keep vsock out of the kernel of such a host"},
		{"open a socket of the kernel's crypto", "ok", nil, "nothing but the kernel's ciphers is behind it"},
		{"set up an io_uring", "ok", []string{engines.Docker}, "the profile of Docker before 25 lets it through; set kernel.io_uring_disabled on such a host"},
		{"read the session's keyring", "ok", podman, "a keyring of the container's own"},
		{"choose the place of memory", "ok", podman, "of the command's own memory"},
		{"a child in a user namespace", "ok", podman, ownNamespace},
		{"a child in a user namespace, by clone3", "ok", podman, ownNamespace},
		{"mount a tmpfs as root of a user namespace", "ok", podman, ownNamespace},
		{"make a cgroup", "ok", []string{engines.PodmanRootless}, "a directory: on cgroup v1 there are no cgroups in its place, but " + inMemory},
		{"make a file in /run", "ok", podman, inMemory},
		{"make a file in /var/tmp", "ok", podman, inMemory},
	}
}

// checkAttempts demands that each attempt was made, and ended as it must.
func checkAttempts(t *testing.T, v engines.Variant, stdout []byte) {
	t.Helper()
	want := map[string][]string{}
	for _, r := range refusals() {
		outcomes := []string{r.outcomes}
		if strings.ToUpper(r.outcomes) == r.outcomes && strings.HasPrefix(r.outcomes, "E") || strings.HasPrefix(r.outcomes, "nothing ") {
			outcomes = strings.Fields(r.outcomes)
		}
		for attempt := range strings.SplitSeq(r.attempts, ";") {
			want[strings.Join(strings.Fields(attempt), " ")] = outcomes
		}
	}
	for _, l := range lets() {
		if len(l.engines) == 0 || slices.Contains(l.engines, v.Engine) {
			want[l.attempt] = append(slices.Clip(want[l.attempt]), l.outcome)
		}
	}
	made := map[string]bool{}
	for line := range bytes.Lines(stdout) {
		var a attempted
		require.NoError(t, json.Unmarshal(line, &a))
		made[a.Name] = true
		switch a.Name {
		case "what can be written to":
			for place := range strings.FieldsSeq(a.Outcome) {
				assert.True(t, strings.HasSuffix(place, ":tmpfs") || strings.HasSuffix(place, ":mqueue"), "%s is not in memory: %s", place, a.Detail)
			}
		default:
			assert.Contains(t, want[a.Name], a.Outcome, "%s: %s", a.Name, a.Detail)
		}
	}
	want["what can be written to"] = nil
	assert.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(made)), "each attempt is made and has its outcome")
	assert.Greater(t, len(made), 100)
	t.Logf("%d attempts", len(made))
}

// What is not refused is in the documentation, all of it and no more.
func TestHostileDocs(t *testing.T) {
	t.Parallel()
	var want strings.Builder
	want.WriteString("| attempt | on | why |\n|---|---|---|\n")
	for _, l := range lets() {
		on := "all"
		if len(l.engines) > 0 {
			on = strings.Join(l.engines, ", ")
		}
		fmt.Fprintf(&want, "| %s | %s | %s |\n", l.attempt, on, l.contains)
	}
	page, err := os.ReadFile("../docs/hostile.md")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(page), "<!-- lets: begin -->\n")
	require.True(t, ok)
	got, _, ok := strings.Cut(rest, "<!-- lets: end -->")
	require.True(t, ok)
	assert.Equal(t, want.String(), got, "docs/hostile.md should have these rows")
}
