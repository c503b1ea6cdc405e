package dockerapi

import (
	"net"
	"reflect"

	"github.com/docker/cli/opts"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
)

// networkConfig reads a --network value: a mode, a network's name, or docker's long
// form name=...,alias=...,ip=....
func networkConfig(value string) (container.NetworkMode, *network.NetworkingConfig, error) {
	endpoints := map[string]*network.EndpointSettings{}
	config := &network.NetworkingConfig{EndpointsConfig: endpoints}
	if value == "" {
		endpoints[network.NetworkDefault] = &network.EndpointSettings{}
		return network.NetworkDefault, config, nil
	}
	var parsed opts.NetworkOpt
	if err := parsed.Set(value); err != nil {
		return "", nil, invalid("network", value, err.Error())
	}
	n := parsed.Value()[0]
	mode := container.NetworkMode(n.Target)
	if len(n.Aliases) > 0 && !mode.IsUserDefined() {
		return "", nil, invalid("network", value, "an alias needs a user-defined network")
	}
	if n.MacAddress != "" {
		if _, err := net.ParseMAC(n.MacAddress); err != nil {
			return "", nil, invalid("network", value, err.Error())
		}
	}
	ep := network.EndpointSettings{
		DriverOpts: n.DriverOpts,
		GwPriority: n.GwPriority,
		MacAddress: n.MacAddress,
	}
	if len(n.Aliases) > 0 {
		ep.Aliases = n.Aliases
	}
	if n.IPv4Address != "" || n.IPv6Address != "" || len(n.LinkLocalIPs) > 0 {
		ep.IPAMConfig = &network.EndpointIPAMConfig{
			IPv4Address: n.IPv4Address, IPv6Address: n.IPv6Address, LinkLocalIPs: n.LinkLocalIPs,
		}
	}
	// A network without options of its own is the engine's to fill in.
	if !reflect.DeepEqual(ep, network.EndpointSettings{}) {
		endpoints[n.Target] = &ep
	}
	return mode, config, nil
}
