// Package runtimetest helps with tests around [runtime.Runtime]: a [Fake] that behaves
// as a container engine does, with Go functions for programs, and a Conformance
// suite that says whether a Runtime keeps the contract.
//
// # A runtime for tests
//
// The Fake stands in wherever a Runtime goes. It keeps every sentence of the contract
// (it passes the suite), so code that works on it has met deadlines, kills, blocked
// reads, missing images and the like:
//
//	rt := &runtimetest.Fake{Programs: map[string]runtimetest.Program{
//		"/hook": func(ctx context.Context, p *runtimetest.Process) int {
//			fmt.Fprint(p.Stdout, `{"allow":true}`)
//			return 0
//		},
//	}}
//	defer rt.Close()
//
// # A new runtime
//
// One call in a test of its package runs the suite on the real engine:
//
//	func TestConformance(t *testing.T) {
//		runtimetest.Conformance(t, runtimetest.Config{
//			New:        func(t testing.TB) runtime.Runtime { return mine.New() },
//			Image:      "localhost/dockerrun/probe:1",
//			Variant:    "localhost/dockerrun/variant:1",
//			Containers: listByLabel, // asks the engine itself
//		})
//	}
//
// The images hold the probe, a static program that does what commands can do to a
// runtime: CGO_ENABLED=0 go build ./runtime/runtimetest/probe. [Config] says what else
// they have; package e2e/image builds them without a registry.
//
// # Errors
//
// The Fake fails with the kinds of package runtime, and in the same places as an
// engine. What else is to go wrong is scripted: [Fake.FailNext], [Fake.Before],
// [Fake.Pull], [Process.Kill], [Process.OOM].
package runtimetest
