// Package factory is dockerrun's face towards PromptKit: the `docker_run` sandbox
// mode, which runs every hook call in a fresh container on the engine that a
// configuration key names.
//
// It replaces PromptKit's dockerrun example package: ModeName, Config, New, NewNamed,
// Factory and Sandbox are the same, so a program that used it changes its import.
//
//	if err := factory.Register(); err != nil { ... }
//
// makes `mode: docker_run` known to PromptKit; a RuntimeConfig then says
//
//	sandboxes:
//	  pii:
//	    mode: docker_run
//	    image: python:3.12-slim
//	    runtime: docker-api
//	    network: none
//	    memory: 256m
//	    mounts: ["./hooks:/hooks:ro"]
//
// docs/configuration.md has every key. [Keys] lists them for programs.
//
// # Sharing
//
// PromptKit makes a sandbox for each conversation and closes none. So making one is
// cheap and contacts nothing, and the clients of engines are shared in one cache of
// the process, keyed by runtime, host, docker_path and those environment variables
// that steer a client (DOCKER_HOST, DOCKER_CONTEXT, CONTAINER_HOST, ...). A client
// lives until every sandbox that uses it was closed, but an idle one has no goroutine and
// no connection left after about half a minute.
//
// # Errors
//
// [Factory] reports all that it can find out without contacting an engine: unknown
// keys, wrong types, bad values, combinations that the runtime can't do. The error
// names the sandbox and each key, and is a runtime.ErrInvalidSpec or
// runtime.ErrUnsupported to errors.Is. For [New] the same error is in every
// Response.
//
// Spawn reports everything in Response.Err: see package runtime for the kinds. An exit
// status other than 0 is a *runtime.ExitError as it is; all other errors begin with
// the sandbox's name.
package factory
