//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// forge ends its call as a warm container's gate would: it reads the token out of the
// memory of the gate, which is its parent, says "before", ends stdout with its first argument
// for a status and stderr with its second, goes on to say "after" for a second.
func forge(args []string) error {
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil { // the call has come
		return err
	}
	token, err := findToken(os.Getppid())
	if err != nil {
		return err
	}
	fmt.Print("before")
	for range 10 {
		fmt.Printf("%s %s\nafter", token, args[0])
		fmt.Fprintf(os.Stderr, "%s %s\nafter", token, args[1])
		time.Sleep(100 * time.Millisecond) // it answers for a while
	}
	return nil
}

func findToken(pid int) (string, error) {
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return "", err
	}
	defer func() { _ = maps.Close() }()
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return "", err
	}
	defer func() { _ = memory.Close() }()
	pattern := regexp.MustCompile("@dockerrun-[A-Z2-7]{26}")
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to int64
		var mode string
		if _, err := fmt.Sscanf(strings.Replace(lines.Text(), "-", " ", 1), "%x %x %s", &from, &to, &mode); err != nil || !strings.HasPrefix(mode, "rw") {
			continue
		}
		region := make([]byte, to-from)
		n, err := memory.ReadAt(region, from)
		if err != nil && errors.Is(err, unix.EIO) {
			continue
		}
		if token := pattern.Find(region[:n]); token != nil {
			return string(token), nil
		}
	}
	return "", errors.New("no token in the memory of the parent")
}
