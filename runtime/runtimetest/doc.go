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
// One call in a test of its package runs the suite on the real engine; see
// [Conformance] and [Config].
//
// # Errors
//
// The Fake fails with the kinds of package runtime, and in the same places as an
// engine. What else is to go wrong is scripted: [Fake.FailNext], [Fake.Before],
// [Fake.Pull], [Process.Kill], [Process.OOM].
package runtimetest
