// Package dockercli is the runtime that drives the docker command line, or one that
// takes the same arguments: podman, or docker as podman provides it.
//
// It is what to use where only a command line is at hand, or where contexts,
// DOCKER_HOST, ssh and credential helpers are to work as they do in the shell: the
// process's environment is handed on to the command line untouched. Each call is one
// process, `docker run --rm -i`, and a second one only when the status or the end of
// the call leaves a question.
//
// # Clients
//
// Docker's command line from 20.10 on and Podman's from 4.0 on. Which one it is, is
// asked once, with --version.
//
// A remote Podman (Host, CONTAINER_HOST) is best left to the runtime of package podman:
// Podman's remote command line carries input and output on one connection, and fails a
// call, or loses output, when the command does not read all of a large input.
//
// # Stdin
//
// A command line reads its input ahead. So, unlike what [runtime.Runtime] promises in
// general, stdin may have been read when a call fails before its command started; the
// command saw none of it. A caller that wants to make such a call again needs the
// input again.
//
// # Environment
//
// Values never stand in an argv. They travel in the environment of the command line,
// which is asked to pass them on by name. Names that mean something to the command
// line itself, to the loader or to the shell (DOCKER_*, PATH, HOME, LD_*, ...) travel
// through a pipe that the command line reads as an --env-file; such a value can hold
// no line break, must be UTF-8 and end before 64 KiB, and on Windows there is no such
// pipe. What can't travel is an error of kind [runtime.ErrUnsupported].
//
// # Stderr
//
// Command and command line share one stderr. Lines that are known to be the command
// line's and that stand where it prints them, before the command's first or after its
// last, are taken out: warnings go to [runtime.Trace], errors become the call's. A
// command's own line is kept even when it looks like one of those, unless it repeats
// a known engine warning word by word at the very start. Lines that could turn out to
// be the command line's error are kept back, up to 64 KiB, until that is known.
//
// # Limits
//
// An engine that would ignore a limit that a call asks for is found out before the
// call, with one question per Runtime. On a Docker engine with cgroup v1, an
// out-of-memory kill that goes unrecorded under load is a plain status of 137.
//
// # Errors
//
// The exit statuses 125, 126 and 127 can be docker's or the command's own. The engine's
// event log tells them apart; where it knows nothing, the error text does. Docker's log
// also tells an out-of-memory kill. Podman's does not; what its monitor leaves in the
// working directory does, which is why a call with a memory limit runs Podman in an
// empty one. Behind a remote Podman there is no such file, and
// [runtime.Status.OOMKilled] stays false.
package dockercli
