package e2e

import (
	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// inspectAction is what happens to a field before two records are compared.
type inspectAction int

const (
	kept    inspectAction = iota
	dropped               // not compared
	sorted                // a list whose order says nothing
	environ               // the same, of which the last entry for a name holds
	random                // random names in it are replaced
	noLimit               // a number that no machine reaches is 0
)

// markLabel marks the containers of the inspect comparison, so that they can be found.
const markLabel = "dockerrun-e2e.mark"

// inspectRules are all that the comparison does not look at, beside one thing: where a
// container's own id, short id or name stands within a text, (id), (short id) or (name)
// is compared.
var inspectRules = []struct {
	engine string // empty: every one
	path   string // * is any one element
	action inspectAction
	why    string
}{
	{"", "Created", dropped, "when it was made"},
	{"", "State/Pid", dropped, "a process number"},
	{"", "State/StartedAt", dropped, "when it started"},
	{"", "GraphDriver/Data", dropped, "directories with random names"},
	{"", "Config/Labels/" + runtime.LabelOwner, dropped, "our label: who launched it"},
	{"", "Config/Labels/" + runtime.LabelName, dropped, "our label: its name"},
	{"", "Config/Labels/" + runtime.LabelDeadline, dropped, "our label: its deadline"},
	{"", "Config/Labels/" + markLabel, dropped, "this test's own"},
	{"", "Config/Env", environ, "a map in the command lines; of a name in both --env-file and --env, docker's keeps both entries, of which the command gets the last"},
	{"", "HostConfig/Binds", sorted, "a map in the command lines"},
	{"", "HostConfig/Binds/*", random, "an anonymous volume's name"},
	{"", "Mounts", sorted, "a map in the engine"},
	{"", "Mounts/*/Name", random, "an anonymous volume's name"},
	{"", "Mounts/*/Source", random, "an anonymous volume's name in its path"},

	{"", "NetworkSettings/SandboxID", dropped, "random"},
	{"", "NetworkSettings/SandboxKey", dropped, "random"},
	{"", "NetworkSettings/EndpointID", dropped, "random"},
	{"", "NetworkSettings/IPAddress", dropped, "the next address that is free"},
	{"", "NetworkSettings/MacAddress", dropped, "made from the address, or random"},
	{"", "NetworkSettings/Networks/*/EndpointID", dropped, "random"},
	{"", "NetworkSettings/Networks/*/IPAddress", dropped, "the next address that is free"},
	{"", "NetworkSettings/Networks/*/MacAddress", dropped, "made from the address, or random"},

	{engines.Podman, "State/ConmonPid", dropped, "a process number"},
	{engines.Podman, "HostConfig/MemorySwap", noLimit, "the API has no word for unlimited: what the command line leaves out is twice the memory there"},
	{engines.Podman, "Config/Timeout", dropped, "ours alone: the server-side end of a container whose launcher is gone"},
	{engines.Podman, "Config/CreateCommand", dropped, "the command line of who made it"},
	{engines.Podman, "Config/Annotations/io.kubernetes.cri-o.Created", dropped, "when it was made"},
	{engines.Podman, "Config/Annotations/io.podman.annotations.autoremove", dropped, "ours is removed explicitly: Podman's auto-remove loses exit statuses"},
	{engines.Podman, "HostConfig/AutoRemove", dropped, "the same"},
}
