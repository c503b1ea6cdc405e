package runtimetest

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest/internal/probe"
)

const (
	saysOutput    = "Stdout and Stderr get the process's bytes, unaltered and apart from each other, in order."
	saysStdin     = "Run feeds it stdio.Stdin and then half-closes."
	saysUnread    = "A process that ends without reading its input is no error, and Run does not wait for the rest of it."
	saysUntouched = "After Run returned, stdio is not touched any more, but for a Read of stdio.Stdin that was blocked when Run closed it."
)

func streamCases() []testCase {
	return []testCase{
		{"streams/echo 1 MiB", saysOutput, func(s *suite) { s.echoes(probe.Pattern(probe.SeedStdout, 1<<20)) }},
		{"streams/echo 16 MiB", saysOutput, func(s *suite) { s.echoes(probe.Pattern(probe.SeedStdout, 16<<20)) }},
		{"streams/echo detach keys", saysOutput, func(s *suite) {
			s.echoes([]byte("\x10\x11 docker's and podman's detach keys \x10\x11\x1b\x04\x03\r\n"))
		}},
		{"streams/empty stdin", saysStdin, func(s *suite) { s.hashes(text(""), nil) }},
		{"streams/nil stdin", "Nil means empty input.", func(s *suite) { s.hashes(nil, nil) }},
		{"streams/end of stdin", saysStdin, func(s *suite) {
			o := s.ok(s.spec("late", "100000"), input(make([]byte, 100000)))
			s.same("stdout", o.stdout, probe.Pattern(probe.SeedStdout, 100000))
		}},
		{"streams/stdin while output", "Stdin is written while output is read.", dialogue},
		{"streams/both past 64 KiB", saysOutput, func(s *suite) {
			o := s.run(s.spec("both", "300000", "200000", "3"), nil)
			s.ended(o, 3)
			s.same("stdout", o.stdout, probe.Pattern(probe.SeedStdout, 300000))
			s.same("stderr", o.stderr, probe.Pattern(probe.SeedStderr, 200000))
		}},
		{"streams/output only to stderr", saysOutput, func(s *suite) {
			o := s.ok(s.spec("both", "0", "100000"), nil)
			s.same("stdout", o.stdout, nil)
			s.same("stderr", o.stderr, probe.Pattern(probe.SeedStderr, 100000))
		}},
		{"streams/discarded", "Nil discards.", func(s *suite) {
			s.ended(s.call(context.Background(), s.spec("both", "200000", "200000", "4"), runtime.Stdio{}), 4)
		}},
		{"streams/never reads 16 MiB", saysUnread, func(s *suite) {
			s.unreadInput(s.spec("both", "200000", "100000"), 200000, 100000)
		}},
		{"streams/exits at once with 16 MiB", saysUnread, func(s *suite) {
			for i := range s.Tries {
				s.ended(s.run(s.spec("exit", fmt.Sprint(i)), bigInput()), i)
			}
		}},
		{"streams/endless stdin", saysUntouched, endless},
		{"streams/closes stdin early", saysUnread, func(s *suite) {
			s.unreadInput(s.spec("close-stdin", "100000"), 100000, 0)
		}},
		{"streams/closes stdout early", saysOutput, func(s *suite) {
			o := s.ok(s.spec("close-stdout"), input(make([]byte, 1<<20)))
			s.same("stdout", o.stdout, []byte("early"))
			s.same("stderr", o.stderr, []byte("1048576"))
		}},
		{"streams/engine's words are the command's too", saysOutput, func(s *suite) {
			// What reads like a message of the engine's is data when the command wrote it.
			for code, words := range map[int]string{
				0:   "WARNING: Your kernel does not support swap limit capabilities\n",
				1:   "Unable to find image 'x:latest' locally\n",
				125: "docker: Error response from daemon: No such image: x:latest.\nSee 'docker run --help'.\n",
				126: "Error: OCI runtime error: permission denied\n",
				127: "docker: Error response from daemon: exec: \"x\": executable file not found in $PATH: unknown.\n",
				137: "Error: container killed: OOMKilled\n",
			} {
				o := s.run(s.spec("complain", words, fmt.Sprint(code)), nil)
				s.ended(o, code)
				s.same("stderr", o.stderr, []byte(words))
			}
		}},
	}
}

// unreadInput runs a command that leaves its input unread, and must still deliver so many
// bytes of the patterns.
func (s *suite) unreadInput(spec runtime.Spec, stdout, stderr int) {
	s.Helper()
	want, wantErr := probe.Pattern(probe.SeedStdout, stdout), probe.Pattern(probe.SeedStderr, stderr)
	o := s.ok(spec, bigInput())
	for tries := 1; s.lacks(LacksUnread) && tries < 3 && !(bytes.Equal(o.stdout, want) && bytes.Equal(o.stderr, wantErr)); tries++ {
		o = s.ok(spec, bigInput())
	}
	s.same("stdout", o.stdout, want)
	s.same("stderr", o.stderr, wantErr)
}

func (s *suite) echoes(data []byte) {
	s.Helper()
	o := s.ok(s.spec("echo"), input(data))
	s.same("stdout", o.stdout, data)
	s.same("stderr", o.stderr, nil)
}

// hashes checks what the command read.
func (s *suite) hashes(stdin io.ReadCloser, want []byte) {
	s.Helper()
	var got probe.Sum
	s.decode(s.ok(s.spec("hash"), stdin), &got)
	if sum := probe.SumOf(want); got != sum {
		s.Errorf("the command read %d bytes (%s); want %d (%s)", got.Bytes, got.SHA256, sum.Bytes, sum.SHA256)
	}
}

// dialogue sends each line only when the one before has come back.
func dialogue(s *suite) {
	in, send := io.Pipe()
	receive, out := io.Pipe()
	heard := make(chan error, 1)
	go func() {
		defer func() { _ = send.Close() }()
		for i := range 5 {
			line := fmt.Appendf(nil, "line %d\n", i)
			if _, err := send.Write(line); err != nil {
				heard <- err
				return
			}
			got := make([]byte, len(line))
			if _, err := io.ReadFull(receive, got); err != nil || !bytes.Equal(got, line) {
				heard <- fmt.Errorf("heard %q (%w); want %q", got, err, line)
				return
			}
		}
		heard <- nil
	}()
	ctx, cancel := context.WithTimeout(context.Background(), s.Patience)
	defer cancel()
	o := s.call(ctx, s.spec("echo"), runtime.Stdio{Stdin: in, Stdout: out})
	_ = out.Close()
	s.ended(o, 0)
	if err := <-heard; err != nil {
		s.Error(err)
	}
}

// endless is a command that ends long before its input does.
func endless(s *suite) {
	in := &endlessInput{}
	o := s.run(s.spec("exit", "5"), in)
	in.ended.Store(true)
	s.ended(o, 5)
	if in.closed.Load() == 0 {
		s.Error("Run returned without closing stdin")
	}
	s.closeRuntime() // whatever still runs has had its time
	if late := in.late.Load(); late > 1 {
		s.Errorf("stdin was read %d times after Run had returned", late)
	}
}
