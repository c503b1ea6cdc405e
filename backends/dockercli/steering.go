package dockercli

import (
	goruntime "runtime"
	"slices"
	"strings"
)

// steers reports whether a variable in the environment of the command line would do
// something to the command line, its loader, the shell of a wrapper script, or to the
// helpers that it starts, rather than only wait to be passed on.
func steers(name string, remote bool) bool {
	upper := strings.ToUpper(name) // some are read in both cases
	if goruntime.GOOS != "windows" && upper != name && !isProxy(upper) {
		return false
	}
	if isProxy(upper) {
		// Docker's command line prefers --env over the proxies of its own config.json, and
		// --env-file not. A local socket is never reached through a proxy.
		return remote
	}
	return slices.Contains(steeringNames(), upper) ||
		slices.ContainsFunc(steeringPrefixes(), func(p string) bool { return strings.HasPrefix(upper, p) })
}

func isProxy(upper string) bool {
	switch upper {
	case "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY":
		return true
	}
	return false
}

func steeringPrefixes() []string {
	return []string{
		"DOCKER_", "BUILDKIT", "BUILDX_", "COMPOSE_", // docker and its plugins
		"CONTAINER_", "CONTAINERS_", "_CONTAINERS_", "PODMAN_", "_PODMAN_", "BUILDAH_", "STORAGE_", "REGISTRY_", "REGISTRIES_", "CNI_", "NETAVARK_", // podman
		"OTEL_",                                       // both report to it
		"LD_", "DYLD_", "GLIBC_", "MALLOC_", "GCONV_", // loader and C library
		"XDG_", "DBUS_", "SSH_", "GPG_", "GNUPG", "KRB5", // where config, agents and keys are
		"BASH_FUNC_",          // functions that a wrapper script would take for its own
		"LISTEN_", "_LISTEN_", // sockets handed over by systemd
	}
}

func steeringNames() []string {
	return []string{
		"PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "TMPDIR", "TMP", "TEMP", // where things are
		"TERM", "LANG", "LC_ALL", "LC_MESSAGES", "LC_CTYPE", "LANGUAGE", // how messages read
		"GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GOTRACEBACK", "GOCOVERDIR", "GORACE", "ZONEINFO", "TZ", "TZDIR", // Go programs
		"SSL_CERT_FILE", "SSL_CERT_DIR", // whom TLS trusts
		"HOSTALIASES", "LOCALDOMAIN", "RES_OPTIONS", "NLSPATH", "LOCPATH", // C library
		"ENV", "BASH_ENV", "SHELLOPTS", "BASHOPTS", "IFS", "CDPATH", "PS4", // shells
		"NOTIFY_SOCKET", "INVOCATION_ID", "JOURNAL_STREAM", "MAINPID", // systemd; podman passes the first on
		"CONTAINER",                                                                                                 // podman: it runs in a container
		"APPDATA", "LOCALAPPDATA", "USERPROFILE", "PROGRAMDATA", "PROGRAMFILES", "SYSTEMROOT", "COMSPEC", "PATHEXT", // Windows
	}
}
