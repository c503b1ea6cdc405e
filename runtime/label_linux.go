package runtime

import (
	"strings"
	"syscall"
)

// hasContainerLabel reports whether containers may read a file, to SELinux.
func hasContainerLabel(file string) bool {
	label := make([]byte, 256)
	n, err := syscall.Getxattr(file, "security.selinux", label)
	if err != nil || n <= 0 {
		return false
	}
	return strings.Contains(string(label[:n]), ":container_") || strings.Contains(string(label[:n]), ":svirt_sandbox_file_t")
}
