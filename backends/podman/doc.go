// Package podman runs containers on Podman's own API, rootful or rootless, over a
// unix socket, TCP or ssh. It needs a service of Podman 4.0 or later; it was tried
// on 4.3 and 5.8.
//
// Of Podman's Go bindings it uses the connection only. The rest of them needs C
// headers and build tags in every program that imports it.
//
// # Where the service is
//
// [Options.Host], else CONTAINER_HOST, else $XDG_RUNTIME_DIR/podman/podman.sock, else
// /run/podman/podman.sock, whichever exists. CONTAINER_SSHKEY and CONTAINER_PASSPHRASE
// hold for ssh as they do for podman itself. The connection is made at the first use,
// and again after it failed.
//
// # The container
//
// It is the one that `podman run --rm -i` makes on the service's host, but for three
// things. AutoRemove is off, and the runtime removes the container itself: with it on,
// Podman 4.3 loses exit statuses. Memory swap of -1 (unlimited) is a limit that can't
// be reached, as the API refuses -1. And a Spec with a deadline sets Podman's own
// timeout to a few seconds after it, so that the container of a launcher that died
// ends too (it stays behind, stopped).
//
// As with `podman run`, proxy variables (http_proxy and the like) reach the container:
// those of the service's environment, unless Spec.NoProxy is set. The API lets the client decide that, so
// http_proxy in the service's containers.conf has no say in it. A rootless service of Podman 4.3 does not apply
// default_ulimits of its containers.conf, which `podman run` does; name the ulimits.
//
// # What it can't do
//
// A Spec gets [runtime.ErrUnsupported], and never a container without what it asked
// for, when it names an OCI runtime other than the service's own (the API ignores the
// choice), limits that the service does not enforce (rootless on cgroup v1), the
// subpath of a volume before Podman 5.4, or flags that no Spec has a field for.
//
// Podman records that a container ran out of memory since 5.0 only. Before that the
// status is a plain 137: neither inspect nor the events tell, and the cgroup that knew
// is gone with the container.
package podman
