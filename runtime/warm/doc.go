// Package warm makes calls on containers that were started ahead of them.
//
// A [Pool] is a [runtime.Runtime] around another one. It keeps some containers of each
// Spec that it is asked for, up and waiting, and gives a call one of them instead of
// having the call wait for the engine. What a call gets is what it gets without a pool:
// a container of its own, used once and removed. Calls that can't be served so, because
// none is ready or for any other reason, start their container as usual: nothing that is
// wrong with a warm container makes a call fail.
//
// With [Gate], the default, a warm container runs a few lines of shell, by the image's
// own /bin/sh. Nothing of the command is there before the call: environment, command and
// arguments come over stdin, so that calls with different ones share the containers.
// With [Eager] the command itself is started ahead, and blocks on its stdin: an
// interpreter is loaded, imports are done. That is faster still, and only for commands
// that do nothing of consequence before they read their input, as that now happens
// before the call, or without one.
//
// # What differs from a cold start
//
//   - The command is a child of the container's first process instead of that process
//     itself. It counts against a limit of processes, and so does that one.
//   - What the command leaves running dies at the container's removal, as it does when a
//     first process ends, but a moment later.
//   - The command's own argv[0] is the absolute path that PATH gives.
//   - A file that is executable and neither a program nor has a #! line is run as a shell
//     script; an engine refuses it.
//   - An error whose [runtime.Error.Started] is false may have had its input read, though
//     no command saw it.
//   - With a log driver that the Spec does not name, the engine keeps no log.
//
// # Which calls start cold
//
// Those whose Spec has a Name, or a limit of one process; whose environment has names
// that a shell can't carry or alters itself (A.B, UID, IFS, ...); whose header, mostly the
// environment, is longer than 256 KiB; and all calls with an image that has no /bin/sh
// (but see [Eager]) or whose own environment has such names. The reason is logged, each
// once.
//
// # Errors
//
// Those of the runtime that the pool is around. Only Prepare tells what keeps a pool from
// being filled.
package warm
