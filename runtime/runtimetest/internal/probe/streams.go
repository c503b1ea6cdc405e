package probe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
)

// Sum is what `probe hash` says of its input, as JSON.
type Sum struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// SumOf is the Sum of data.
func SumOf(data []byte) Sum {
	sum := sha256.Sum256(data)
	return Sum{Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
}

// Seeds of the [Pattern]s that `probe both` and the like write.
const (
	SeedStdout = 1
	SeedStderr = 2
)

// Pattern is n bytes that look random and are the same for each seed: every byte
// value, so that nothing that treats some bytes specially goes unseen.
func Pattern(seed byte, n int) []byte {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(data) // never fails
	return data
}

// echo copies stdin to stdout.
func echo(_ context.Context, p *Process, _ []string) error {
	_, err := io.Copy(p.Stdout, p.Stdin)
	return err
}

// hash reads stdin and writes its Sum.
func hash(_ context.Context, p *Process, _ []string) error {
	h := sha256.New()
	n, err := io.Copy(h, p.Stdin)
	if err != nil {
		return err
	}
	return writeJSON(p.Stdout, Sum{Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))})
}

// both N M [STATUS] writes N bytes to stdout and M to stderr, by turns, and reads
// nothing.
func both(_ context.Context, p *Process, args []string) error {
	n, err := number(args, 0)
	if err != nil {
		return err
	}
	m, err := number(args, 1)
	if err != nil {
		return err
	}
	out, errs := Pattern(SeedStdout, n), Pattern(SeedStderr, m)
	for len(out)+len(errs) > 0 {
		if out, err = writeSome(p.Stdout, out); err != nil {
			return err
		}
		if errs, err = writeSome(p.Stderr, errs); err != nil {
			return err
		}
	}
	if len(args) > 2 {
		return exitWith(context.Background(), p, args[2:])
	}
	return nil
}

// writeSome writes a part of data that is no round number, and returns the rest.
func writeSome(w io.Writer, data []byte) ([]byte, error) {
	n, err := w.Write(data[:min(len(data), 10007)])
	return data[n:], err
}

// late N reads all of stdin and only then writes N bytes.
func late(_ context.Context, p *Process, args []string) error {
	n, err := number(args, 0)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, p.Stdin); err != nil {
		return err
	}
	_, err = p.Stdout.Write(Pattern(SeedStdout, n))
	return err
}

// close-stdout writes "early" and closes stdout, then reads all of stdin and writes
// what it was to stderr.
func closeStdout(_ context.Context, p *Process, _ []string) error {
	if _, err := io.WriteString(p.Stdout, "early"); err != nil {
		return err
	}
	if err := p.CloseStdout(); err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, p.Stdin)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(p.Stderr, n)
	return err
}

// close-stdin N closes stdin unread and writes N bytes to stdout.
func closeStdin(_ context.Context, p *Process, args []string) error {
	n, err := number(args, 0)
	if err != nil {
		return err
	}
	if err := p.CloseStdin(); err != nil {
		return err
	}
	_, err = p.Stdout.Write(Pattern(SeedStdout, n))
	return err
}

// flood writes to stdout and stderr for as long as somebody takes it.
func flood(_ context.Context, p *Process, _ []string) error {
	data := Pattern(SeedStdout, 4<<10)
	for {
		for _, w := range []io.Writer{p.Stdout, p.Stderr} {
			if _, err := w.Write(data); err != nil {
				return err
			}
		}
	}
}
