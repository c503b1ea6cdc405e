package outage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// limitDisk puts a disk of so many bytes under the engine's data; 0 leaves it on the
// machine's own.
func (e *Engine) limitDisk(bytes int64) error {
	if bytes == 0 {
		return nil
	}
	return syscall.Mount("tmpfs", e.Data(), "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", bytes))
}

// Fill uses up what is free of the engine's disk, to the last page.
func (e *Engine) Fill() error {
	f, err := os.OpenFile(e.filler(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	for len(block) > 0 {
		_, err := f.Write(block)
		switch {
		case errors.Is(err, syscall.ENOSPC):
			block = block[:len(block)/2]
		case err != nil:
			return err
		}
	}
	return nil
}

// Free gives back what Fill took.
func (e *Engine) Free() error { return os.Remove(e.filler()) }

func (e *Engine) filler() string { return filepath.Join(e.Data(), "filler") }
