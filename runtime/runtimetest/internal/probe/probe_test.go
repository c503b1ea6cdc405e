package probe_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/AltairaLabs/dockerrun/runtime/runtimetest/internal/probe"
)

// system is a System in memory.
type system struct {
	probe.System
	files map[string][]byte
	slept time.Duration
	did   []string
}

func (s *system) Kill(sig int) error {
	s.did = append(s.did, "kill")
	return errors.New("still here")
}
func (s *system) Child() error          { s.did = append(s.did, "child"); return nil }
func (s *system) Block()                { s.did = append(s.did, "block") }
func (s *system) IgnoreTerm()           { s.did = append(s.did, "ignore-term") }
func (s *system) CloseStdout() error    { s.did = append(s.did, "close-stdout"); return nil }
func (s *system) CloseStdin() error     { s.did = append(s.did, "close-stdin"); return nil }
func (s *system) Sleep(d time.Duration) { s.slept += d }
func (s *system) ReadFile(name string) ([]byte, error) {
	if data, ok := s.files[name]; ok {
		return data, nil
	}
	return nil, errors.New("no such file")
}
func (s *system) WriteFile(name string, data []byte) error { s.files[name] = data; return nil }
func (s *system) AppendFile(name string, data []byte) error {
	s.files[name] = append(s.files[name], data...)
	return nil
}
func (s *system) Identity() (probe.Identity, error) { return probe.Identity{PID: 1, Dir: "/"}, nil }

func TestCommands(t *testing.T) {
	t.Parallel()
	const (
		mail     = `{"hook":"provider","phase":"before_call","request":{"Messages":[{"role":"user","content":"I am a@b.example."}]}}`
		noMail   = `{"hook":"tool","phase":"after_execution","request":{"Args":{"x":1}},"response":{"Content":"fine"}}`
		toolMail = `{"hook":"tool","phase":"after_execution","request":{"Args":{}},"response":{"Content":"by a@b.example"}}`
		reply    = `{"hook":"provider","phase":"after_call","request":{},"response":{"Message":{"content":"","parts":[{"type":"text","text":"x@y.example"},{"type":"text","text":"z"}]}}}`
		session  = `{"hook":"session","phase":"session_start","event":{"SessionID":"s","Messages":[]}}`
		badEvent = `{"hook":"session","phase":"session_end","event":{"Messages":[{"content":"a@b.example"}]}}`
		choose   = `{"query":{"Text":"resize Image","Kind":"tool","K":1},"candidates":[{"ID":"a","Name":"mail"},{"ID":"b","Name":"image"},{"ID":"c","Description":"resize it"}]}`
	)
	for _, tc := range []struct {
		args, stdin    string
		code           int
		stdout, stderr string
		file, did      string
		sleeps         time.Duration
	}{
		{args: "", code: probe.ExitUsage, stderr: "probe: it takes a command\n"},
		{args: "nonsense", code: probe.ExitUsage, stderr: "probe: \"nonsense\" is not a command\n"},
		{args: "echo", stdin: "a\x00b", stdout: "a\x00b"},
		{args: "hash", stdin: "", stdout: `{"bytes":0,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}` + "\n"},
		{args: "args", stdout: "[]\n"},
		{args: "args -x *", stdout: `["-x","*"]` + "\n"},
		{args: "env", stdout: `["A=1","B="]` + "\n"},
		{args: "exit 125", code: 125},
		{args: "exit", code: probe.ExitFailed, stderr: "probe: exit: argument 1: strconv.Atoi: parsing \"\": invalid syntax\n"},
		{args: "complain oops 125", code: 125, stderr: "oops"},
		{args: "kill 9", code: probe.ExitFailed, stderr: "probe: kill: still here\n", did: "kill"},
		{args: "sleep 2m", sleeps: 2 * time.Minute},
		{args: "block", stdout: probe.Ready, did: "block"},
		{args: "child", stdout: probe.Ready, did: "child block"},
		{args: "orphan", stdout: probe.Ready, did: "child"},
		{args: "ignore-term", stdout: probe.Ready, did: "ignore-term block"},
		{args: "close-stdout", stdin: "12345", stdout: "early", stderr: "5", did: "close-stdout"},
		{args: "close-stdin 4", stdout: string(probe.Pattern(probe.SeedStdout, 4)), did: "close-stdin"},
		{args: "late 3", stdin: "x", stdout: string(probe.Pattern(probe.SeedStdout, 3))},
		{args: "both 30000 20000 7", code: 7, stdout: string(probe.Pattern(probe.SeedStdout, 30000)), stderr: string(probe.Pattern(probe.SeedStderr, 20000))},
		{args: "cat /f", code: probe.ExitFailed, stderr: "probe: cat: no such file\n"},
		{args: "write /file text", file: "text"},
		{args: "append /file text", file: "text"},

		{args: "hook", stdin: mail, stdout: `{"allow":false,"reason":"provider before_call holds 1 e-mail address(es)","metadata":{"emails":1,"phase":"before_call"}}` + "\n"},
		{args: "hook deny", stdin: noMail, stdout: `{"allow":true}` + "\n"},
		{args: "hook deny", stdin: toolMail, stdout: `{"allow":false,"reason":"tool after_execution holds 1 e-mail address(es)","metadata":{"emails":1,"phase":"after_execution"}}` + "\n"},
		{args: "hook redact", stdin: mail, stdout: `{"allow":false,"reason":"provider before_call holds 1 e-mail address(es)","enforced":true,"metadata":{"emails":1,"phase":"before_call","replacement":"I am [e-mail]."}}` + "\n"},
		{args: "hook redact", stdin: reply, stdout: `{"allow":false,"reason":"provider after_call holds 1 e-mail address(es)","enforced":true,"metadata":{"emails":1,"phase":"after_call","replacement":"[e-mail]\nz"}}` + "\n"},
		{args: "hook redact", stdin: toolMail, stdout: `{"allow":false,"reason":"tool after_execution holds 1 e-mail address(es)","enforced":true,"metadata":{"emails":1,"phase":"after_execution","replacement":"by [e-mail]"}}` + "\n"},
		{args: "hook fail", stdin: mail, code: 3, stderr: "provider hook refused: 1 e-mail address(es) in before_call\n"},
		{args: "hook garbage", stdin: mail, stdout: "this is no JSON"},
		{args: "hook slow 3s", stdin: noMail, stdout: `{"allow":true}` + "\n", sleeps: 3 * time.Second},
		{args: "hook record /file", stdin: noMail, stdout: `{"allow":true}` + "\n", file: noMail + "\n"},
		{args: "hook", stdin: session, stdout: `{"allow":true,"ack":true}` + "\n"},
		{args: "hook", stdin: badEvent, code: 3, stderr: "session hook refused: 1 e-mail address(es) in session_end\n"},
		{args: "hook", stdin: "{}", code: probe.ExitFailed, stderr: "probe: hook: stdin is no hook request: it names no hook or no phase\n"},
		{args: "hook sing", stdin: mail, code: probe.ExitFailed, stderr: "probe: hook: \"sing\" is not a mode\n"},
		{args: "eval /file", stdin: `{"eval_id":"e"}`, file: `{"eval_id":"e"}` + "\n"},
		{args: "eval", stdin: `{}`, code: 3, stderr: "stdin is no eval result\n"},
		{args: "select", stdin: choose, stdout: `{"reason":"shared words","selected":["b"]}` + "\n"},
	} {
		t.Run(tc.args, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			sys := &system{files: map[string][]byte{}}
			code := probe.Main(t.Context(), &probe.Process{
				Args: strings.Fields(tc.args), Env: []string{"A=1", "B="},
				Stdin: strings.NewReader(tc.stdin), Stdout: &out, Stderr: &errs, System: sys,
			})
			assert.Equal(t, tc.code, code)
			assert.Equal(t, tc.stdout, out.String())
			assert.Equal(t, tc.stderr, errs.String())
			assert.Equal(t, tc.file, string(sys.files["/file"]))
			assert.Equal(t, tc.did, strings.Join(sys.did, " "))
			assert.Equal(t, tc.sleeps, sys.slept)
		})
	}
}

func TestPatternHoldsEveryByte(t *testing.T) {
	t.Parallel()
	seen := map[byte]bool{}
	for _, b := range probe.Pattern(probe.SeedStdout, 1<<16) {
		seen[b] = true
	}
	assert.Len(t, seen, 256)
	assert.NotEqual(t, probe.Pattern(1, 64), probe.Pattern(2, 64))
}
