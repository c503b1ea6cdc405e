package runtimetest

import (
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

const (
	saysArgs   = "Args is the command and its arguments."
	saysEnv    = "Env entries are KEY=value, or a bare KEY: the value that this process has for it at the call, or without one, removal of what the image sets for it. The last entry for a name holds."
	saysStatus = "Run returns how its process ended: Code is the exit status as the engine has it. A non-zero exit is a Status and no error."
)

func processCases() []testCase {
	return []testCase{
		{"process/arguments", saysArgs, arguments},
		{"process/environment", saysEnv, environment},
		{"process/environment that steers a client", "Env values reach the process, and steer nothing else.", steering},
		{"process/environment by name", saysEnv, bareNames},
		{"process/environment files", "EnvFiles are files of such entries, read at the call, before Env.", envFiles},
		{"process/environment stays secret", "Values never appear in any process's argv, nor in error texts.", secrets},
		{"process/exit statuses", saysStatus, func(s *suite) {
			for _, code := range []int{0, 1, 3, 125, 126, 127, 128, 137, 143, 255} {
				o := s.run(s.spec("both", "5", "5", fmt.Sprint(code)), nil)
				s.ended(o, code)
				if len(o.stdout) != 5 || len(o.stderr) != 5 {
					s.Errorf("with status %d: stdout %s, stderr %s; want 5 bytes in each", code, brief(o.stdout), brief(o.stderr))
				}
			}
		}},
		{"process/killed by a signal", "A process killed by signal n has 128+n.", func(s *suite) {
			for _, signal := range []int{11, 9} {
				o := s.run(s.spec("kill", fmt.Sprint(signal)), nil)
				s.ended(o, 128+signal)
			}
		}},
		{"process/ends with its first process", saysStatus, func(s *suite) {
			// It leaves a child that holds its pipes; the container dies with it.
			o := s.ok(s.spec("orphan"), nil)
			s.same("stdout", o.stdout, []byte("ready\n"))
			if o.took > s.Patience/2 {
				s.Errorf("Run took %v", o.took)
			}
		}},
		{"process/identity", "Dir is the working directory, User name or uid with group or gid, Hostname the host name.", func(s *suite) {
			who := s.identity(func(spec *runtime.Spec) {
				spec.Dir, spec.User, spec.Hostname, spec.GroupAdd = "/data", "1234:4321", "some-host", []string{"777"}
			})
			if who.Dir != "/data" || who.UID != 1234 || who.GID != 4321 || who.Hostname != "some-host" || !slices.Contains(who.Groups, 777) {
				s.Errorf("the process is %+v", who)
			}
		}},
		{"process/no network", "Network none: the process has the loopback interface and no other.", func(s *suite) {
			if who := s.identity(func(*runtime.Spec) {}); !slices.Equal(who.Interfaces, []string{"lo"}) {
				s.Errorf("the process has %q", who.Interfaces)
			}
		}},
		{"process/labels and name", "Every container carries our labels and the spec's, and the spec's name or a random one.", labels},
	}
}

func arguments(s *suite) {
	args := []string{
		"", "-", "--", "-x", "--help", "--name=x", "-e", "A=b", "two words", " ", "a\nb\n", "\t", `"`, `'`, `\`, `\n`, `$HOME`, "$(id)",
		"`id`", "*", "/*", "~", "#", ";", "&&", "|", "{a,b}", "!", "%s", "ünïcödé 日本語 🐳", strings.Repeat("long ", 2000), "",
	}
	var got []string
	s.decode(s.ok(s.spec(append([]string{"args"}, args...)...), nil), &got)
	if !slices.Equal(got, args) {
		s.Errorf("the command got %q; want %q", got, args)
	}
}

// env runs `probe env` with the entries.
func (s *suite) env(change func(*runtime.Spec)) []string {
	s.Helper()
	spec := s.spec("env")
	change(&spec)
	var got []string
	s.decode(s.ok(spec, nil), &got)
	return got
}

// has checks that env holds the entries.
func (s *suite) has(env, want []string) {
	s.Helper()
	for _, entry := range want {
		if !slices.Contains(env, entry) {
			s.Errorf("the environment lacks %q; it is %q", entry, env)
		}
	}
}

// hasNot checks that env holds nothing for the name.
func (s *suite) hasNot(env []string, name string) {
	s.Helper()
	if i := slices.IndexFunc(env, func(e string) bool { return strings.HasPrefix(e, name+"=") }); i >= 0 {
		s.Errorf("the environment holds %q", env[i])
	}
}

func environment(s *suite) {
	want := []string{
		"EMPTY=", "EQUALS=a=b=c=", "NEWLINES=one\ntwo\n\nthree\n", "SPACES=  a  b  ", `QUOTES="a" 'b' \c`, "DOLLAR=$HOME ${x} $(id)",
		"UNICODE=ünïcödé 🐳", "with.dots-and-dashes=x", "lower_case=y", "HASH=#x", "LONG=" + strings.Repeat("x", 30000), "TAB=\ta\t",
	}
	got := s.env(func(spec *runtime.Spec) {
		spec.Env = append([]string{"EMPTY=not last"}, want...)
	})
	s.has(got, want)
}

// steering has the names that a command line client, the loader or the Go runtime
// look at.
func steering(s *suite) {
	names := []string{
		"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION",
		"DOCKER_DEFAULT_PLATFORM", "DOCKER_CLI_PLUGIN_EXTRA_DIRS", "CONTAINER_HOST", "CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "HOME",
		"PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
		"SSH_AUTH_SOCK", "SSL_CERT_FILE", "TMPDIR", "TERM", "LANG", "BUILDKIT_HOST", "REGISTRY_AUTH_FILE", "STORAGE_DRIVER", "_",
	}
	var want []string
	for _, name := range names {
		want = append(want, name+"=/nowhere/at:all")
	}
	s.has(s.env(func(spec *runtime.Spec) { spec.Env = want }), want)

	// GODEBUG and the like are checked for what they say.
	want = []string{"GODEBUG=gctrace=0", "GOMAXPROCS=1", "DOCKER_HOST=two\nlines", "PATH=/x\n/y"}
	spec := s.spec("env")
	spec.Env = want
	o := s.run(spec, nil)
	if s.lacks(LacksEnvNewlines) {
		s.failed(o, false)
		return
	}
	s.ended(o, 0)
	var got []string
	s.decode(o, &got)
	s.has(got, want)
}

func bareNames(s *suite) {
	s.Setenv("SUITE_SET", "of this process\nwith = and newline")
	s.Setenv("SUITE_EMPTY", "")
	s.Setenv("SUITE_HIDDEN", "not asked for")
	got := s.env(func(spec *runtime.Spec) { spec.Env = []string{"SUITE_SET", "SUITE_EMPTY", "SUITE_UNSET"} })
	s.has(got, []string{"SUITE_SET=of this process\nwith = and newline", "SUITE_EMPTY="})
	s.hasNot(got, "SUITE_UNSET")
	s.hasNot(got, "SUITE_HIDDEN")
}

func envFiles(s *suite) {
	s.Setenv("SUITE_SET", "of this process")
	file := filepath.Join(s.TempDir(), "env")
	if err := os.WriteFile(file, []byte("# comment\nA=of the file\nB=of the file\nSUITE_SET\n"), 0o600); err != nil {
		s.Fatal(err)
	}
	got := s.env(func(spec *runtime.Spec) { spec.EnvFiles, spec.Env = []string{file}, []string{"B=of the spec"} })
	s.has(got, []string{"A=of the file", "B=of the spec", "SUITE_SET=of this process"})
}

// secrets looks at the command line of every process while a call is under way. The
// environment of other processes is for their owner only; their argv is for all.
func secrets(s *suite) {
	secret := "s3cret-" + s.id
	spec := s.spec("block")
	spec.Env = []string{"SECRET=" + secret, "DOCKER_HOST=" + secret}
	o := s.inMidRun(spec, func() {
		if goruntime.GOOS != "linux" {
			return // others have no /proc, and the runtime's code is the same there
		}
		files, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil {
			s.Error(err)
		}
		for _, file := range files {
			// A process that has ended meanwhile can't be read.
			if line, err := os.ReadFile(file); err == nil && strings.Contains(string(line), secret) {
				s.Errorf("%s holds the value of a variable: %s", file, brief(line))
			}
		}
	})
	s.failed(o, true, runtime.ErrCanceled)
	if strings.Contains(o.err.Error(), secret) {
		s.Errorf("the error holds the value of a variable: %v", o.err)
	}
}

func labels(s *suite) {
	deadline := time.Now().Add(time.Hour).Truncate(time.Second).UTC()
	spec := s.spec("block")
	spec.Name = runtime.NewName()
	spec.Deadline = deadline
	spec.Labels["suite.text"] = "two words"
	s.inMidRun(spec, func() {
		for _, label := range []string{
			labelCase + "=" + s.id,
			"suite.text=two words",
			runtime.LabelDeadline + "=" + deadline.Format(time.RFC3339),
		} {
			if names := s.labelled(label); !slices.Contains(names, spec.Name) {
				s.Errorf("containers with label %s are %q; want %q among them", label, names, spec.Name)
			}
		}
	})
	s.inMidRun(s.spec("block"), func() {
		names := s.containers()
		names = slices.DeleteFunc(names, func(name string) bool { return name == spec.Name }) // perhaps still going
		if len(names) != 1 || !strings.HasPrefix(names[0], runtime.NamePrefix) {
			s.Errorf("a container without a name of its own is called %q; want one name that begins with %s", names, runtime.NamePrefix)
		}
	})
}
