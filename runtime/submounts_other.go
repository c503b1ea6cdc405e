//go:build !linux

package runtime

// writableMounts is not known here: engines run in a virtual machine.
func writableMounts() []string { return nil }
