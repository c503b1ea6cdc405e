package check_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/check"
	"github.com/AltairaLabs/dockerrun/internal/runtimeconfig"
	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
)

const (
	head = "apiVersion: promptkit.altairalabs.ai/v1alpha1\nkind: RuntimeConfig\nspec:\n"
	// quietBox is a sandbox that there is nothing to say of.
	quietBox = "  sandboxes:\n    box: {mode: docker_run, image: 'there@sha256:" + digest + "', network: none, user: nobody, memory: 64m, pids_limit: 9," +
		" cap_drop: [all], security_opt: [no-new-privileges], read_only: true, log_driver: none}\n"
	digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

// findings are those of a file, a line for each: where, how bad, the rule, the message.
func findings(t *testing.T, text string, opts check.Options) []string {
	t.Helper()
	report := check.File(t.Context(), runtimeconfig.Parse("f", []byte(text)), opts)
	var out []string
	for _, f := range report.Findings {
		assert.Equal(t, "f", f.File)
		out = append(out, fmt.Sprintf("%d:%d %s %s: %s", f.Line, f.Column, f.Severity, f.Code, f.Message))
	}
	return out
}

func TestBindings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string // text follows the sandbox, in line 6
		want       []string
	}{
		{"good", "  hooks:\n    a: {hook: tool, command: x, sandbox: box, phases: [before_execution], mode: observe, timeout_ms: 5, args: [], env: []}\n" +
			"    b: {hook: eval, command: x, sandbox: box}\n  selectors:\n    s: {command: x, sandbox: box}\n", nil},
		{"no phases", "  hooks:\n    a: {hook: tool, command: x, sandbox: box}\n",
			[]string{`7:5 error never: hook "a": it never runs, for want of phases: a tool hook takes before_execution, after_execution`}},
		{"empty phases", "  hooks:\n    a: {hook: session, phases: [], command: x, sandbox: box}\n",
			[]string{`7:24 error never: hook "a": it never runs, for want of phases: a session hook takes session_start, session_update, session_end`}},
		{"a phase of another kind", "  hooks:\n    a: {hook: provider, phases: [before_call, after_execution], command: x, sandbox: box}\n",
			[]string{`7:47 error never: hook "a": a provider hook never runs at "after_execution": it takes before_call, after_call`}},
		{"a phase mistyped", "  hooks:\n    a: {hook: provider, phases: [aftercall], command: x, sandbox: box}\n",
			[]string{`7:34 error never: hook "a": a provider hook never runs at "aftercall": it takes before_call, after_call; did you mean "after_call"?`}},
		{"kind", "  hooks:\n    a: {hook: providr, command: x, sandbox: box}\n",
			[]string{`7:9 error hook: hook "a": hook: got "providr"; it takes provider, tool, session, eval; did you mean "provider"?`}},
		{"no kind", "  hooks:\n    a: {command: x, sandbox: box}\n",
			[]string{`7:5 error hook: hook "a": hook: got ""; it takes provider, tool, session, eval`}},
		{"no command", "  hooks:\n    a: {hook: eval, sandbox: box}\n", []string{`7:5 error hook: hook "a": it has no command`}},
		{"undeclared", "  hooks:\n    a: {hook: eval, command: x, sandbox: bx}\n  selectors:\n    s: {command: x, sandbox: ghost}\n",
			[]string{`7:33 error sandbox: hook "a": "bx" is not declared in spec.sandboxes; did you mean "box"?`,
				`9:21 error sandbox: selector "s": "ghost" is not declared in spec.sandboxes`}},
		{"no sandbox", "  hooks:\n    a: {hook: eval, command: x}\n", []string{`7:5 warning unsandboxed: hook "a": it names no sandbox, so it runs on the host`}},
		{"eval hooks", "  hooks:\n    a: {hook: eval, command: x, sandbox: box, mode: filter, phases: [x]}\n",
			[]string{`7:47 warning ignored: hook "a": an eval hook has no mode: it runs once for each eval result`,
				`7:61 warning ignored: hook "a": an eval hook has no phases: it runs once for each eval result`}},
		{"mode", "  hooks:\n    a: {hook: tool, command: x, sandbox: box, phases: [before_execution], mode: block}\n",
			[]string{`7:75 warning mode: hook "a": PromptKit takes "block" for filter; the modes are filter and observe`}},
		{"keys", "  hooks:\n    a: {hook: eval, command: x, sandbox: box, timeout: 5, timeout_ms: -1}\n",
			[]string{`7:47 warning ignored: hook "a": PromptKit ignores the key timeout; did you mean "timeout_ms"?`,
				`7:59 warning timeout: hook "a": it is negative, which PromptKit takes for its default`}},
		{"what has no sandbox", "  evals:\n    e: {command: x, sandbox: box}\n    f: {command: x}\n  tools:\n    t: {mode: exec, exec: {command: x, sandbox: box}}\n",
			[]string{`7:21 warning ignored: eval "e": PromptKit ignores sandbox in spec.evals: this runs on the host; to have it in the sandbox, let its command be dockerrun, with the args exec --config FILE --sandbox box -- COMMAND`,
				`10:40 warning ignored: tool "t": PromptKit ignores sandbox in spec.tools: this runs on the host; to have it in the sandbox, let its command be dockerrun, with the args exec --config FILE --sandbox box -- COMMAND`}},
		{"a tool's command that nobody sees", "  tools:\n    t: {command: x}\n",
			[]string{`7:9 warning ignored: tool "t": its command, args and env belong below exec: PromptKit does not see them here`}},
		{"what dockerrun exec runs", "  tools:\n    t: {mode: exec, exec: {command: dockerrun, args: [exec, --config, /etc/f, --sandbox, bx, /a]}}\n",
			[]string{`7:90 error sandbox: tool "t": "bx" is not declared in spec.sandboxes; did you mean "box"?`}},
		{"the file itself", "  hooks:\n    a: {hook: eval, command: x, sandbox: box}\n    a: {hook: eval, command: x, sandbox: box}\n",
			[]string{`8:5 error file: a: the key stands here a second time (first in line 7)`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, findings(t, head+quietBox+c.text, check.Options{}))
		})
	}
}

func TestSandboxes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Symlink("/etc", filepath.Join(dir, "link")))
	strict := head + "  sandboxes:\n    box: {mode: docker_run, image: 'there@sha256:" + digest + "', isolation: strict}\n"
	box := func(keys string) string {
		return head + strings.Replace(quietBox, "user: nobody", "user: nobody"+keys, 1)
	}
	without := func(keys ...string) string {
		text := head + quietBox
		for _, k := range keys {
			require.Contains(t, text, k)
			text = strings.Replace(text, k, "", 1)
		}
		return text
	}
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"every fault", box(", mount_check: x, tmpfs: [/a, b, /a], nonesuch: 1"), []string{
			`5:146 error config: sandbox "box": mount_check: "x": it takes on or off`,
			`5:174 error config: sandbox "box": tmpfs[1]: "b": it takes an absolute path in the container, and perhaps :options`,
			`5:182 error config: sandbox "box": nonesuch: unknown key`}},
		{"an extra argument", strings.Replace(head+quietBox, "log_driver: none", "extra_args: [--ipc=none, x, --rm=false], log_driver: none", 1), []string{
			`5:268 error config: sandbox "box": extra_args: "x" is no flag, nor the value of one: it would become the image or the command`,
			`5:271 error config: sandbox "box": extra_args: invalid argument "false" for "--rm" flag: containers are always removed; --rm=false is not possible`}},
		{"mounts", box(fmt.Sprintf(", mounts: [%s/no:/a, '%s:/b:ro', '%s:/c', /:/d]", dir, dir, dir)), []string{
			`error mount: sandbox "box": mount "` + dir + `/no:/a": its source ` + dir + `/no does not exist on this host (` + dir + ` does)`,
			`warning writable: sandbox "box": mount "` + dir + `:/c": what runs in the container can change it; end it with :ro if it need not`,
			`warning mount: sandbox "box": mount "/:/d": gives the container the whole host filesystem`}},
		{"mounts of a sandbox with other faults", box(fmt.Sprintf(", memory_swap: x, mounts: ['x:y:z:w', '%s/no:/a']", dir)), []string{
			`error config: sandbox "box": memory_swap: `, `error config: sandbox "box": mounts[0]: `, `error mount: sandbox "box": mount "` + dir + `/no:/a": its source`}},
		{"mount_check", box(", mount_check: off, mounts: [/no/such:/a]"), nil},
		{"network", without("network: none,"), []string{`5:5 warning network: sandbox "box": the container has the engine's default network; network: none takes it away`}},
		{"network of the host", strings.Replace(head+quietBox, "network: none", "network: host", 1),
			[]string{`5:117 warning network: sandbox "box": the container shares the host's network, with all that listens there; network: none takes it away`}},
		{"a network", strings.Replace(head+quietBox, "network: none", "network: db", 1),
			[]string{`5:117 warning network: sandbox "box": the container has the network db; network: none takes it away`}},
		{"root", strings.Replace(head+quietBox, "user: nobody", "user: '0:5'", 1), []string{`5:132 warning root: sandbox "box": user: "0:5" is root`}},
		{"limits", without("memory: 64m,", "pids_limit: 9,"),
			[]string{`5:5 warning limits: sandbox "box": no limit of what one call may take of the host: set memory and pids_limit`}},
		{"tag", without("@sha256:" + digest), []string{`5:29 warning unpinned: sandbox "box": image: there can come to be another image; name@sha256:... can't`}},
		{"image ID", strings.Replace(head+quietBox, "there@", "", 1), nil},
		{"log", without(", log_driver: none"),
			[]string{`5:5 warning log: sandbox "box": the engine may keep what the command writes, in its log on the host; log_driver: none keeps it from that`}},
		{"hardening", without("cap_drop: [all],", "read_only: true,"), []string{
			`5:5 warning hardening: sandbox "box": the container is as open as the engine makes it by default; most commands run as well with isolation: strict, or at least cap_drop: [ALL], read_only: true`}},
		{"privileges", strings.Replace(head+quietBox, "log_driver: none", "log_driver: none, extra_args: [--privileged, --pid=host, --cap-add=SYS_ADMIN, --device=/dev/kvm, --security-opt=seccomp=unconfined]", 1), []string{
			`warning privileged: sandbox "box": --privileged: the container can do to the host what root can`,
			`warning host: sandbox "box": --pid=host: the container shares it with the host`,
			`warning capabilities: sandbox "box": cap_add: the container gets more capabilities than others: SYS_ADMIN`,
			`warning devices: sandbox "box": devices: the container gets devices of the host`,
			`warning security: sandbox "box": security_opt: seccomp=unconfined takes a guard away`}},
		{"strict", strict, nil},
		{"strict, and what it refuses", strings.Replace(strict, "isolation", "network: host, mounts: [/:/x], isolation", 1), []string{
			`error config: sandbox "box": mounts[0]: "/:/x:ro": its source is the whole host filesystem; isolation strict takes that only with allow: [host-paths]`,
			`error config: sandbox "box": network: "host": is the network of the host or of another container; isolation strict takes that only with allow: [host-namespaces]`}},
		{"strict, and what is allowed", strings.Replace(strict, "isolation", "network: db, allow: [network], isolation", 1), nil},
		{"strict, and where a mount leads", strings.Replace(strict, "isolation", fmt.Sprintf("mounts: [%s/link:/x], isolation", dir), 1), []string{
			`error mount: sandbox "box": mount "` + dir + `/link:/x:ro": `}},
		{"strict, a tag", strings.Replace(strict, "@sha256:"+digest, "", 1), []string{`warning unpinned`}},
		{"a digest is required", strings.Replace(strict, "@sha256:"+digest+"'", "', require_digest: true", 1), []string{
			`5:29 error config: sandbox "box": image: "there": has no digest, which require_digest demands: it takes name@sha256:... or an image ID`}},
		{"other modes", head + "  sandboxes:\n    a: {mode: direct}\n    b: {mode: docker-run}\n    c: {image: x}\n    d:\n", []string{
			`6:9 warning mode: sandbox "b": mode: "docker-run" is not the mode of this launcher; did you mean "docker_run"?`,
			`7:5 error config: sandbox "c": mode: it is required; for this launcher it is docker_run`,
			`8:5 warning ignored: sandbox "d": PromptKit leaves it out, as it has no value`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := findings(t, c.text, check.Options{})
			require.Len(t, got, len(c.want), "%s", strings.Join(got, "\n"))
			for _, want := range c.want {
				assert.Contains(t, strings.Join(got, "\n"), want)
			}
		})
	}
}

// engine opens a Fake whose images have a shell, unless image says otherwise.
func engine(fake *runtimetest.Fake) check.Options {
	return check.Options{Timeout: 10 * time.Second, Open: func(string, string, string) (runtime.Runtime, error) { return fake, nil }}
}

// shell answers as the script does.
func shell(answers map[string]string) runtimetest.Program {
	return func(_ context.Context, p *runtimetest.Process) int {
		for _, command := range p.Args[4:] {
			answer, ok := answers[command]
			if !ok {
				answer = "missing " + command
			}
			_, _ = fmt.Fprintln(p.Stdout, answer)
		}
		return 0
	}
}

const hooks = "  hooks:\n    a: {hook: eval, command: /a, sandbox: box}\n    b: {hook: eval, command: b, sandbox: box}\n    c: {hook: eval, command: /c, sandbox: box}\n"

func TestOnEngine(t *testing.T) {
	t.Parallel()
	name := "there@sha256:" + digest
	images := map[string]runtime.Image{name: {}}
	down := &runtime.Error{Kind: runtime.ErrUnavailable, Runtime: "docker-cli", Message: "nothing listens"}
	private := filepath.Join(t.TempDir(), "private")
	require.NoError(t, os.WriteFile(private, nil, 0o600))
	programs := map[string]runtimetest.Program{check.Shell: shell(map[string]string{"/a": "ok /a", "/c": "noexec /c"})}
	for _, c := range []struct {
		name   string
		fake   *runtimetest.Fake
		change func(string) string
		pull   bool
		want   []string
	}{
		{name: "commands", fake: &runtimetest.Fake{Programs: programs, Images: images}, want: []string{
			`8:21 error command: hook "b": command: "b" is neither in the image nor in its mounts`,
			`9:21 error command: hook "c": command: "/c" is there, but the user of the container may not execute it; chmod +x it`}},
		{name: "a command of dockerrun exec", fake: &runtimetest.Fake{Programs: programs, Images: images},
			change: func(s string) string {
				return strings.Replace(s, hooks, "  evals:\n    e: {command: dockerrun, args: [exec, --config, f, --sandbox, box, --, nosuch]}\n", 1)
			},
			want: []string{`7:75 error command: eval "e": command: "nosuch" is neither in the image nor in its mounts`}},
		{name: "an entrypoint", fake: &runtimetest.Fake{Programs: programs, Images: map[string]runtime.Image{name: {Entrypoint: []string{"/c", "-x"}}}}, want: []string{
			`5:29 error command: sandbox "box": the image's entrypoint: "/c" is there, but the user of the container may not execute it; chmod +x it`}},
		{name: "a cleared entrypoint", fake: &runtimetest.Fake{Programs: programs, Images: map[string]runtime.Image{name: {Entrypoint: []string{"/a"}}}},
			change: func(s string) string { return strings.Replace(s, "user:", "entrypoint: '', user:", 1) },
			want: []string{`8:21 error command: hook "b": command: "b" is neither in the image nor in its mounts`,
				`9:21 error command: hook "c": command: "/c" is there, but the user of the container may not execute it; chmod +x it`}},
		{name: "no shell", fake: &runtimetest.Fake{Images: images}, want: []string{
			`5:29 note unchecked: sandbox "box": whether the image has /a, b, /c was not looked at: it has no /bin/sh`}},
		{name: "warm without a shell", fake: &runtimetest.Fake{Images: images}, change: func(s string) string { return strings.Replace(s, "user:", "warm: 1, user:", 1) }, want: []string{
			`5:29 note unchecked: sandbox "box": whether the image has /a, b, /c was not looked at: it has no /bin/sh`,
			`5:132 warning warm: sandbox "box": warm: the image has no /bin/sh, so that every call starts cold`}},
		{name: "a shell that does not know the script", fake: &runtimetest.Fake{Images: images, Programs: map[string]runtimetest.Program{
			check.Shell: func(context.Context, *runtimetest.Process) int { return 0 }}}, want: []string{
			`5:29 note unchecked: sandbox "box": whether the image has /a, b, /c was not looked at: it has no /bin/sh that answers as one does: ""`}},
		{name: "a container that does not start", fake: &runtimetest.Fake{Images: images, Before: func(context.Context, runtime.Spec) error { return errors.New("no space left") }}, want: []string{
			`5:5 error start: sandbox "box": its container can't be started: fake: container engine error: no space left`}},
		{name: "root by the image", fake: &runtimetest.Fake{Images: map[string]runtime.Image{name: {User: "root"}}, Programs: map[string]runtimetest.Program{
			check.Shell: shell(map[string]string{"/a": "ok /a", "b": "ok /b", "/c": "ok /c"})}},
			change: func(s string) string { return strings.Replace(s, "user: nobody, ", "", 1) },
			want:   []string{`5:5 warning root: sandbox "box": the command runs as root, the image's user; set user`}},
		{name: "engine down", fake: &runtimetest.Fake{Describe: func(context.Context) (runtime.Info, error) { return runtime.Info{}, down }}, want: []string{
			`5:5 error engine: sandbox "box": docker-cli: container engine unavailable: nothing listens`}},
		{name: "no limits", fake: &runtimetest.Fake{Describe: func(context.Context) (runtime.Info, error) { return runtime.Info{}, nil }}, want: []string{
			`5:146 error limits: sandbox "box": memory, pids_limit: the engine can't enforce limits, so that each call fails (rootless on cgroup v1 can't)`}},
		{name: "strict without limits", fake: &runtimetest.Fake{Describe: func(context.Context) (runtime.Info, error) { return runtime.Info{Runtime: "podman"}, nil }},
			change: func(s string) string { return strings.Replace(s, "user:", "isolation: strict, user:", 1) },
			want:   []string{`5:132 error isolation: sandbox "box": isolation: the engine does not hold containers to memory, memory-swap, pids-limit; isolation strict does without only with allow: [no-limits]`}},
		{name: "a mount that its user can't read", fake: &runtimetest.Fake{Images: images, Programs: map[string]runtimetest.Program{
			check.Shell: shell(map[string]string{"/a": "ok /a", "b": "ok /b", "/c": "ok /c"})}},
			change: func(s string) string {
				return strings.Replace(s, "user: nobody", "mounts: ['"+private+":/p:ro'], user: '65532'", 1)
			},
			want: []string{fmt.Sprintf(`5:141 warning mount: sandbox "box": mount "%s:/p:ro": -rw-------, of uid %d and gid %d, can't be read by the command, `+
				`which is uid 65532 on this host; change its mode or owner, or set user`, private, os.Getuid(), os.Getgid())}},
		{name: "OCI runtime", fake: &runtimetest.Fake{Describe: func(context.Context) (runtime.Info, error) {
			return runtime.Info{Engine: "docker", LimitsEnforced: true, OCIRuntimes: []string{"crun", "runc"}}, nil
		}}, change: func(s string) string { return strings.Replace(s, "user:", "oci_runtime: runsc, user:", 1) },
			want: []string{`5:132 error engine: sandbox "box": oci_runtime: the engine has no runsc; it has crun, runc`}},
		{name: "image missing", fake: &runtimetest.Fake{Images: map[string]runtime.Image{}}, want: []string{
			`5:29 warning image: sandbox "box": image: the engine does not have it, so the first calls wait for a pull, or run out of time; dockerrun pull fetches it ahead, check --pull does so now`}},
		{name: "image missing for good", fake: &runtimetest.Fake{Images: map[string]runtime.Image{}}, pull: true,
			change: func(s string) string { return strings.Replace(s, "user:", "pull: never, user:", 1) },
			want:   []string{`5:29 error image: sandbox "box": image: the engine does not have it, and pull: never keeps it from being fetched`}},
		{name: "pull", pull: true, fake: &runtimetest.Fake{Images: map[string]runtime.Image{}, Programs: map[string]runtimetest.Program{
			check.Shell: shell(map[string]string{"/a": "ok /a", "b": "ok /b", "/c": "ok /c"})},
			Pull: func(context.Context, runtime.ImageRequest) (runtime.Image, error) { return runtime.Image{}, nil }}},
		{name: "pull fails", pull: true, fake: &runtimetest.Fake{Images: map[string]runtime.Image{}}, want: []string{
			`5:29 error image: sandbox "box": image: fake: image pull failed: ` + name + `: there is no registry`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := head + quietBox + hooks
			if c.change != nil {
				text = c.change(text)
			}
			opts := engine(c.fake)
			opts.Pull = c.pull
			assert.Equal(t, c.want, findings(t, text, opts))
			assert.Empty(t, c.fake.Containers())
		})
	}
}

// The look for commands is made in the sandbox's own container, but for what could let
// it do something.
func TestLookIsHarmless(t *testing.T) {
	t.Parallel()
	fake := &runtimetest.Fake{}
	text := strings.Replace(head+quietBox+hooks, "network: none", "network: host, env: {SECRET: hunter2, PATH: /x}, dns: [10.0.0.1]", 1)
	findings(t, text, engine(fake))
	require.Len(t, fake.Calls(), 1)
	spec := fake.Calls()[0].Spec
	assert.Equal(t, "none", spec.Network)
	assert.Empty(t, spec.DNS)
	assert.Equal(t, []string{"PATH=/x"}, spec.Env)
	assert.Equal(t, []string{check.Shell}, spec.Entrypoint)
	assert.Equal(t, []string{"sh", "/a", "b", "/c"}, spec.Args[2:])
	assert.Equal(t, "nobody", spec.User)
	assert.True(t, spec.ReadOnly)
	assert.Equal(t, int64(64<<20), spec.Memory)
}

// Without a shell, a program of ours looks.
func TestLookWithoutShell(t *testing.T) {
	t.Parallel()
	self := filepath.Join(t.TempDir(), "dockerrun")
	require.NoError(t, os.WriteFile(self, nil, 0o755))
	fake := &runtimetest.Fake{Programs: map[string]runtimetest.Program{"/.dockerrun-look": func(_ context.Context, p *runtimetest.Process) int {
		assert.Equal(t, []string{check.LookCommand, "/a", "b", "/c"}, p.Args[1:])
		_, _ = fmt.Fprint(p.Stdout, "ok /a\nok /bin/b\nmissing /c\n")
		return 0
	}}}
	opts := engine(fake)
	opts.Self = self
	assert.Equal(t, []string{`9:21 error command: hook "c": command: "/c" is neither in the image nor in its mounts`}, findings(t, head+quietBox+hooks, opts))
	require.Len(t, fake.Calls(), 2)
	assert.Equal(t, []runtime.Mount{{Type: runtime.MountBind, Source: self, Target: "/.dockerrun-look", Options: []string{"ro"}}}, fake.Calls()[1].Spec.Mounts)
}

func TestReport(t *testing.T) {
	t.Parallel()
	r := check.File(t.Context(), runtimeconfig.Parse("f", []byte(head+quietBox+hooks)), engine(&runtimetest.Fake{}))
	assert.Equal(t, 1, r.Sandboxes)
	assert.Equal(t, 3, r.Bindings)
	assert.True(t, r.Engine)
	assert.Equal(t, 1, r.Count(check.Note))
	assert.Equal(t, 0, r.Count(check.Error))
}
