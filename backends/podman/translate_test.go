package podman

import (
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/blang/semver/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func svc(version string) service { return service{version: semver.MustParse(version)} }

// wire is the request as it travels.
func wire(t *testing.T, version string, flags ...string) map[string]any {
	t.Helper()
	spec := runtime.Spec{Name: "n", Image: "img", Args: []string{"cmd", ""}}
	require.NoError(t, runtime.SetFlags(&spec, flags))
	req, err := translate(spec, svc(version), time.Unix(1e9, 0))
	require.NoError(t, err)
	data, err := json.Marshal(req)
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(data, &m))
	return m
}

// The fields of a plain call, as `podman run --rm -i` fills them.
func TestTranslatePlain(t *testing.T) {
	t.Parallel()
	ns := map[string]any{}
	assert.Equal(t, map[string]any{
		"name": "n", "image": "img", "raw_image_name": "img", "command": []any{"cmd", ""},
		"httpproxy": true, "stdin": true, "terminal": false, "remove": false, "volatile": true,
		"systemd": "true", "sdnotifyMode": "container", "stop_timeout": 10.0, "seccomp_policy": "default",
		"read_only_filesystem": false, "read_write_tmpfs": false,
		"userns": ns, "pidns": ns, "ipcns": ns, "utsns": ns, "cgroupns": ns, "netns": ns,
		"idmappings": idmap(true, false, 0),
	}, wire(t, "5.8.2"))
}

func idmap(host, auto bool, size float64) map[string]any {
	return map[string]any{
		"HostUIDMapping": host, "HostGIDMapping": host, "AutoUserNs": auto,
		"AutoUserNsOpts": map[string]any{"Size": size, "AdditionalUIDMappings": nil, "AdditionalGIDMappings": nil},
	}
}

func limited(of string, fields map[string]any) map[string]any {
	return map[string]any{"resource_limits": map[string]any{of: fields}}
}

func TestTranslateFlags(t *testing.T) {
	t.Parallel()
	type fields = map[string]any
	list := func(v ...any) []any { return v }
	mount := func(kind, source, target string, options ...any) fields {
		m := fields{"destination": target, "type": kind, "source": source}
		if len(options) > 0 {
			m["options"] = options
		}
		return m
	}
	mode := func(v string) fields { return fields{"nsmode": v} }
	annotation := func(k, v string) fields { return fields{k: v} }
	for _, tc := range []struct {
		flags []string
		want  fields // what differs from a plain call
	}{
		{[]string{"--env=A=b=c", "--env=B="}, fields{"env": fields{"A": "b=c", "B": ""}}},
		{[]string{"--env=GONE"}, fields{"unsetenv": list("GONE")}},
		{[]string{"--workdir=/w"}, fields{"work_dir": "/w"}},
		{[]string{"--user=1:2", "--group-add=3"}, fields{"user": "1:2", "groups": list("3")}},
		{[]string{"--hostname=h"}, fields{"hostname": "h"}},
		{[]string{"--label=a=b"}, fields{"labels": fields{"a": "b"}}},
		{[]string{"--entrypoint=/bin/x"}, fields{"entrypoint": list("/bin/x")}},
		{[]string{"--entrypoint="}, fields{"entrypoint": list("")}},
		{[]string{"--init"}, fields{"init": true}},
		{[]string{"--init=false"}, fields{"init": false}},
		{[]string{"--no-healthcheck"}, fields{"healthconfig": fields{"Test": list("NONE")}}},
		{[]string{"--stop-signal=SIGINT"}, fields{"stop_signal": 2.0}},
		{[]string{"--platform=linux/arm64/v8"}, fields{"image_os": "linux", "image_arch": "arm64", "image_variant": "v8"}},
		{[]string{"--log-driver=none"}, fields{"log_configuration": fields{"driver": "none"}}},
		{[]string{"--log-driver=k8s-file", "--log-opt=max-size=1m", "--log-opt=tag=x", "--log-opt=path=/l"},
			fields{"log_configuration": fields{"driver": "k8s-file", "size": 1e6, "path": "/l", "options": fields{"tag": "x"}}}},
		{[]string{"--sysctl=net.a=1"}, fields{"sysctl": fields{"net.a": "1"}}},
		{[]string{"--cgroup-parent=/p"}, fields{"cgroup_parent": "/p"}},

		{[]string{"--read-only"}, fields{"read_only_filesystem": true, "read_write_tmpfs": true}},
		{[]string{"--shm-size=1k"}, fields{"shm_size": 1024.0}},
		{[]string{"--tmpfs=/t"}, fields{"mounts": list(mount("tmpfs", "tmpfs", "/t"))}},
		{[]string{"--tmpfs=/t/:size=1m,mode=1777"}, fields{"mounts": list(mount("tmpfs", "tmpfs", "/t", "size=1m", "mode=1777"))}},
		{[]string{"--volume=/a:/b"}, fields{"mounts": list(mount("bind", "/a", "/b"))}},
		{[]string{"--volume=/a:/b:ro,Z,rslave,cached"}, fields{"mounts": list(mount("bind", "/a", "/b", "ro", "Z", "rslave"))}},
		{[]string{"--volume=/a:/b:consistent"}, fields{"mounts": list(mount("bind", "/a", "/b"))}},
		{[]string{"--volume=vol:/b:nocopy"}, fields{"volumes": list(fields{"Name": "vol", "Dest": "/b", "Options": list("nocopy")})}},
		{[]string{"--volume=/b"}, fields{"volumes": list(fields{"Name": "", "Dest": "/b", "Options": nil})}},
		{[]string{"--mount=type=bind,source=/a,target=/b,readonly,bind-propagation=shared"}, fields{"mounts": list(mount("bind", "/a", "/b", "shared", "ro"))}},
		{[]string{"--mount=type=tmpfs,target=/b,tmpfs-size=5,tmpfs-mode=0700"}, fields{"mounts": list(mount("tmpfs", "tmpfs", "/b", "size=5", "mode=0700"))}},
		{[]string{"--mount=type=volume,source=vol,target=/b,volume-subpath=x,volume-nocopy"},
			fields{"volumes": list(fields{"Name": "vol", "Dest": "/b", "Options": list("nocopy"), "SubPath": "x"})}},
		{[]string{"--mount=type=image,source=i,target=/b"}, fields{"image_volumes": list(fields{"Source": "i", "Destination": "/b", "ReadWrite": false})}},

		{[]string{"--device=/dev/a:/dev/b:r", "--device=v.com/c=n"}, fields{"devices": list(fields{"path": "/dev/a:/dev/b:r"}, fields{"path": "v.com/c=n"})}},
		{[]string{"--gpus=all"}, fields{"devices": list(fields{"path": "nvidia.com/gpu=all"})}},

		{[]string{"--privileged"}, fields{"privileged": true}},
		{[]string{"--cap-add=A", "--cap-drop=all"}, fields{"cap_add": list("A"), "cap_drop": list("all")}},
		{[]string{"--security-opt=no-new-privileges"}, fields{"no_new_privileges": true}},
		{[]string{"--security-opt=no-new-privileges:false"}, fields{"no_new_privileges": false}},
		{[]string{"--security-opt=seccomp=unconfined"}, fields{"seccomp_profile_path": "unconfined", "annotations": annotation(annotationSeccomp, "unconfined")}},
		{[]string{"--security-opt=apparmor:p"}, fields{"apparmor_profile": "p", "annotations": annotation(annotationAppArmor, "p")}},
		{[]string{"--security-opt=label=type:t", "--security-opt=label=level:s0"},
			fields{"selinux_opts": list("type:t", "level:s0"), "annotations": annotation(annotationLabel, "type:t,label=level:s0")}},
		{[]string{"--security-opt=label=nested"}, fields{
			"label_nested": true, "unmask": list("/sys/fs/selinux", "/proc"), "annotations": annotation(annotationContext, "rootcontext"),
			"mounts": list(mount("bind", "/sys/fs/selinux", "/sys/fs/selinux")),
		}},
		{[]string{"--security-opt=systempaths=unconfined"}, fields{"unmask": list("ALL")}},
		{[]string{"--security-opt=unmask=/a:/b", "--security-opt=mask=/c"}, fields{"unmask": list("/a", "/b"), "mask": list("/c")}},
		{[]string{"--security-opt=proc-opts=hidepid=2,gid=1"}, fields{"procfs_opts": list("hidepid=2", "gid=1")}},

		{[]string{"--userns=host"}, fields{"userns": mode("host"), "annotations": annotation(annotationUserNS, "host")}},
		{[]string{"--userns=keep-id:uid=1,gid=2"}, fields{
			"userns": fields{"nsmode": "keep-id", "value": "uid=1,gid=2"}, "idmappings": idmap(false, false, 0),
			"annotations": annotation(annotationUserNS, "keep-id:uid=1,gid=2"),
		}},
		{[]string{"--userns=nomap"}, fields{"userns": mode("nomap"), "idmappings": idmap(false, false, 0), "annotations": annotation(annotationUserNS, "nomap")}},
		{[]string{"--userns=auto"}, fields{"userns": mode("auto"), "idmappings": idmap(false, true, 0), "annotations": annotation(annotationUserNS, "auto")}},
		{[]string{"--userns=auto:size=4096"}, fields{
			"userns": fields{"nsmode": "auto", "value": "size=4096"}, "idmappings": idmap(false, true, 4096),
			"annotations": annotation(annotationUserNS, "auto:size=4096"),
		}},
		{[]string{"--pid=host"}, fields{"pidns": mode("host")}},
		{[]string{"--pid=container:c"}, fields{"pidns": fields{"nsmode": "container", "value": "c"}}},
		{[]string{"--ipc=shareable"}, fields{"ipcns": mode("shareable")}},
		{[]string{"--uts=host"}, fields{"utsns": mode("host")}},
		{[]string{"--cgroupns=private"}, fields{"cgroupns": mode("private")}},

		{[]string{"--network=none"}, fields{"netns": mode("none")}},
		{[]string{"--network=host"}, fields{"netns": mode("host")}},
		{[]string{"--network=private"}, fields{"netns": mode("private")}},
		{[]string{"--network=container:c"}, fields{"netns": fields{"nsmode": "container", "value": "c"}}},
		{[]string{"--network=ns:/p"}, fields{"netns": fields{"nsmode": "path", "value": "/p"}}},
		{[]string{"--network=slirp4netns:mtu=1,port_handler=x"}, fields{"netns": mode("slirp4netns"), "network_options": fields{"slirp4netns": list("mtu=1", "port_handler=x")}}},
		{[]string{"--network=pasta"}, fields{"netns": mode("pasta")}},
		{[]string{"--network=bridge"}, fields{"netns": mode("bridge"), "Networks": fields{"default": fields{"interface_name": ""}}}},
		{[]string{"--network=a,b"}, fields{"netns": mode("bridge"), "Networks": fields{"a": fields{"interface_name": ""}, "b": fields{"interface_name": ""}}}},
		{[]string{"--network=a:ip=10.0.0.2,alias=x,mtu=9"}, fields{"netns": mode("bridge"), "Networks": fields{"a": fields{
			"interface_name": "", "static_ips": list("10.0.0.2"), "aliases": list("x"), "options": fields{"mtu": "9"},
		}}}},
		{[]string{"--add-host=h:1.2.3.4"}, fields{"hostadd": list("h:1.2.3.4")}},
		{[]string{"--dns=1.1.1.1", "--dns-search=s", "--dns-option=o"}, fields{"dns_server": list("1.1.1.1"), "dns_search": list("s"), "dns_option": list("o")}},

		{[]string{"--memory=1k"}, limited("memory", fields{"limit": 1024.0, "swap": 2048.0})},
		{[]string{"--memory=1k", "--memory-swap=1k"}, limited("memory", fields{"limit": 1024.0, "swap": 1024.0})},
		{[]string{"--memory=1k", "--memory-swap=-1"}, limited("memory", fields{"limit": 1024.0, "swap": float64(unlimitedSwap)})},
		{[]string{"--memory-reservation=1k", "--memory-swappiness=0", "--oom-kill-disable"},
			limited("memory", fields{"reservation": 1024.0, "swappiness": 0.0, "disableOOMKiller": true})},
		{[]string{"--cpus=0.5"}, limited("cpu", fields{"period": 100000.0, "quota": 50000.0})},
		{[]string{"--cpu-shares=5", "--cpu-period=2000", "--cpu-quota=1000"}, limited("cpu", fields{"shares": 5.0, "period": 2000.0, "quota": 1000.0})},
		{[]string{"--oom-score-adj=-5"}, fields{"oom_score_adj": -5.0}},
		{[]string{"--ulimit=nofile=1:2"}, fields{"r_limits": list(fields{"type": "nofile", "soft": 1.0, "hard": 2.0})}},
		{[]string{"--ulimit=core=-1"}, fields{"r_limits": list(fields{"type": "core", "soft": float64(math.MaxUint64), "hard": float64(math.MaxUint64)})}},
	} {
		plain, got := wire(t, "5.8.2"), wire(t, "5.8.2", tc.flags...)
		changed := fields{}
		for key, value := range got {
			if !reflect.DeepEqual(plain[key], value) {
				changed[key] = value
			}
		}
		assert.Equal(t, tc.want, changed, "%q", tc.flags)
	}
}

func TestTranslateByVersion(t *testing.T) {
	t.Parallel()
	annotations := func(version string, flags ...string) any { return wire(t, version, flags...)["annotations"] }
	assert.Equal(t, map[string]any{annotationTTY: "false"}, annotations("4.3.1"))
	assert.Nil(t, annotations("4.4.0"))
	limits := []string{"--pids-limit=5", "--cpuset-cpus=0", "--cpuset-mems=1"}
	assert.Nil(t, annotations("5.4.2", limits...))
	assert.Equal(t, map[string]any{annotationPids: "5"}, annotations("5.5.0", limits...))
	assert.Equal(t, map[string]any{annotationPids: "5", annotationCpus: "0", annotationMems: "1"}, annotations("5.6.0", limits...))
	assert.Nil(t, annotations("4.9.0", "--userns=host"))

	pids := func(version string) any { return wire(t, version, "--pids-limit=-1")["resource_limits"] }
	assert.Equal(t, limited("pids", map[string]any{"limit": 0.0})["resource_limits"], pids("4.3.1"))
	assert.Equal(t, limited("pids", map[string]any{"limit": -1.0})["resource_limits"], pids("4.4.0"))
}

// Before 5.0 a read-only container's writable directories are the client's to mount.
func TestTranslateReadOnlyOld(t *testing.T) {
	t.Parallel()
	targets := func(flags ...string) map[string]any {
		out := map[string]any{}
		mounts, _ := wire(t, "4.3.1", flags...)["mounts"].([]any)
		for _, m := range mounts {
			m := m.(map[string]any)
			out[m["destination"].(string)] = m["options"]
		}
		return out
	}
	writable := []any{"rw", "rprivate", "nosuid", "nodev", "tmpcopyup"}
	assert.Equal(t, map[string]any{"/tmp": writable, "/var/tmp": writable, "/run": writable}, targets("--read-only"))
	assert.Equal(t, map[string]any{"/tmp": []any{"size=1m"}, "/run": writable}, targets("--read-only", "--tmpfs=/tmp:size=1m", "--volume=v1:/var/tmp"))
	assert.Empty(t, targets())
	assert.Equal(t, false, wire(t, "4.3.1", "--read-only")["read_write_tmpfs"])
}

func TestTranslateErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		version string
		flag    string
		kind    error
		text    string
	}{
		{"5.8.2", "--publish=80:80", runtime.ErrUnsupported, "--publish"},
		{"5.8.2", "--group-add=keep-groups", runtime.ErrUnsupported, "keep-groups"},
		{"5.8.2", "--log-driver=passthrough", runtime.ErrUnsupported, "passthrough"},
		{"5.8.2", "--security-opt=credentialspec=x", runtime.ErrUnsupported, "credentialspec"},
		{"5.8.2", "--security-opt=no-new-privileges=maybe", runtime.ErrInvalidSpec, "maybe"},
		{"5.8.2", "--security-opt=systempaths=x", runtime.ErrInvalidSpec, "unconfined"},
		{"5.8.2", "--mount=type=volume,source=vol,target=/b,volume-driver=x", runtime.ErrUnsupported, "volume-driver"},
		{"5.3.0", "--mount=type=volume,source=vol,target=/b,volume-subpath=x", runtime.ErrUnsupported, "5.4"},
		{"4.3.1", "--network=pasta", runtime.ErrUnsupported, "4.4"},
		{"4.2.0", "--userns=keep-id:uid=1", runtime.ErrUnsupported, "4.3"},
		{"5.8.2", "--network=host:x", runtime.ErrInvalidSpec, "no options"},
		{"5.8.2", "--network=container:", runtime.ErrInvalidSpec, "container:"},
		{"5.8.2", "--network=a:ip=x", runtime.ErrInvalidSpec, "ip=ADDRESS"},
		{"5.8.2", "--network=a:mac=x", runtime.ErrInvalidSpec, "mac=ADDRESS"},
		{"5.8.2", "--network=a,,b", runtime.ErrInvalidSpec, "empty"},
		{"5.8.2", "--network=pod", runtime.ErrInvalidSpec, "pod"},
		{"5.8.2", "--userns=remap", runtime.ErrInvalidSpec, "keep-id"},
		{"5.8.2", "--userns=auto:size=x", runtime.ErrInvalidSpec, "size=N"},
		{"5.8.2", "--userns=auto:uidmapping=1", runtime.ErrInvalidSpec, "CONTAINER:HOST:SIZE"},
		{"5.8.2", "--userns=auto:foo=1", runtime.ErrInvalidSpec, "gidmapping"},
		{"5.8.2", "--pid=x", runtime.ErrInvalidSpec, "pid"},
		{"5.8.2", "--ipc=x", runtime.ErrInvalidSpec, "shareable, none"},
		{"5.8.2", "--stop-signal=SIGFOO", runtime.ErrInvalidSpec, "SIGFOO"},
		{"5.8.2", "--platform=linux//", runtime.ErrInvalidSpec, "os/arch"},
		{"5.8.2", "--log-opt=max-size=x", runtime.ErrInvalidSpec, "max-size"},
	} {
		spec := runtime.Spec{Image: "img"}
		require.NoError(t, runtime.SetFlags(&spec, []string{tc.flag}), tc.flag)
		_, err := translate(spec, svc(tc.version), time.Now())
		require.ErrorIs(t, err, tc.kind, tc.flag)
		require.ErrorContains(t, err, tc.text, tc.flag)
	}
	rt, err := New(Options{})
	require.NoError(t, err)
	require.ErrorIs(t, runtime.CheckSpec(rt, runtime.Spec{Image: "i", Passthrough: []string{"--publish=1"}}), runtime.ErrUnsupported)
	require.NoError(t, runtime.CheckSpec(rt, runtime.Spec{Image: "i"}))
	err = runtime.SetFlags(&runtime.Spec{}, []string{"--network=none"})
	require.NoError(t, err)
	_, err = translate(runtime.Spec{Image: "i", Network: "none", DNS: []string{"1.1.1.1"}}, svc("5.8.2"), time.Now())
	require.ErrorIs(t, err, runtime.ErrInvalidSpec)
}

func TestAutoUserNSMappings(t *testing.T) {
	t.Parallel()
	got, err := parseAutoUserNS("size=10,uidmapping=0:5:1,gidmapping=1:6:2,uidmapping=7:8")
	require.NoError(t, err)
	assert.Equal(t, autoUserNS{
		Size:                  10,
		AdditionalUIDMappings: []idMap{{0, 5, 1}, {7, 8, 1}},
		AdditionalGIDMappings: []idMap{{1, 6, 2}},
	}, got)
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	grace := uint(timeoutGrace / time.Second)
	assert.Zero(t, timeout(time.Time{}, now))
	assert.Equal(t, 10+grace, timeout(now.Add(10*time.Second), now))
	assert.Equal(t, 2+grace, timeout(now.Add(1001*time.Millisecond), now), "rounded down, it would beat the deadline")
	assert.Equal(t, grace, timeout(now.Add(-time.Hour), now))
}

func TestGPUNames(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"all": {"all"}, "2": {"0", "1"}, "device=0": {"0"}, `"device=0,1"`: {"0", "1"},
		"device=GPU-abc": {"GPU-abc"}, "count=1": {"0"}, "driver=nvidia": {"all"}, "-1": {"all"},
	} {
		got, err := gpuNames(in)
		require.NoError(t, err, in)
		assert.Equal(t, want, got, in)
	}
	for in, kind := range map[string]error{
		"driver=amd": runtime.ErrUnsupported, "capabilities=utility": runtime.ErrUnsupported, "0": runtime.ErrInvalidSpec, "x": runtime.ErrInvalidSpec,
	} {
		_, err := gpuNames(in)
		require.ErrorIs(t, err, kind, in)
	}
}

func TestSignalNumber(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{
		"SIGHUP": 1, "kill": 9, "TERM": 15, "SIGSYS": 31, "9": 9, "64": 64,
		"RTMIN": 34, "SIGRTMIN+3": 37, "RTMAX": 64, "SIGRTMAX-2": 62, "IOT": 6, "CLD": 17, "POLL": 29,
	} {
		got, err := signalNumber(name)
		require.NoError(t, err, name)
		assert.Equal(t, want, got, name)
	}
	for _, name := range []string{"", "0", "65", "-1", "SIG", "RTMIN+31", "RTMAX-31", "RTMIN+x", "9x"} {
		_, err := signalNumber(name)
		require.ErrorIs(t, err, runtime.ErrInvalidSpec, name)
	}
}

// translate must leave the caller's Spec alone: it is shared between calls.
func TestTranslateKeepsSpec(t *testing.T) {
	t.Parallel()
	spec := runtime.Spec{Image: "i", Labels: map[string]string{"a": "b"}}
	before := maps.Clone(spec.Labels)
	_, err := translate(spec, svc("4.3.1"), time.Now())
	require.NoError(t, err)
	assert.Equal(t, before, spec.Labels)
}

func TestTranslateNoSystemd(t *testing.T) {
	t.Parallel()
	for no, want := range map[bool][2]string{false: {"true", "container"}, true: {"false", "ignore"}} {
		req, err := translate(runtime.Spec{Image: "img", NoSystemd: no}, service{}, time.Now())
		require.NoError(t, err)
		assert.Equal(t, want, [2]string{req.Systemd, req.SdNotifyMode})
	}
}

func TestTranslateNoProxy(t *testing.T) {
	t.Parallel()
	for _, no := range []bool{false, true} {
		req, err := translate(runtime.Spec{Image: "img", NoProxy: no}, service{}, time.Now())
		require.NoError(t, err)
		assert.Equal(t, !no, req.HTTPProxy)
	}
}
