package podman

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func setNetwork(req *createRequest, spec runtime.Spec, svc service) error {
	if err := checkIPs("dns", spec.DNS); err != nil {
		return err
	}
	req.HostAdd, req.DNSServers, req.DNSSearch, req.DNSOptions = spec.AddHosts, spec.DNS, spec.DNSSearch, spec.DNSOptions
	if spec.Network == "" {
		return nil
	}
	mode, opts, hasOpts := strings.Cut(spec.Network, ":")
	switch mode {
	case "none", "host":
		if hasOpts {
			return invalid("network: %q: %s has no options", spec.Network, mode)
		}
		req.NetNS.Mode = mode
	case "default", "private":
		req.NetNS.Mode = "private"
	case "container", "ns":
		if opts == "" {
			return invalid("network: %q: says nothing after the colon", spec.Network)
		}
		req.NetNS = namespace{Mode: mode, Value: opts}
		if mode == "ns" {
			req.NetNS.Mode = "path"
		}
	case "slirp4netns", "pasta":
		if mode == "pasta" && !svc.atLeast(4, 4) {
			return unsupported("network pasta: it needs Podman 4.4 or later; the service is %s", svc.version)
		}
		req.NetNS.Mode = mode
		if hasOpts {
			req.NetworkOptions = map[string][]string{mode: strings.Split(opts, ",")}
		}
	case "bridge":
		return addNetwork(req, "default", opts)
	case "pod", "":
		return invalid("network: %q: there is no such network here", spec.Network)
	default:
		if hasOpts {
			return addNetwork(req, mode, opts)
		}
		for name := range strings.SplitSeq(spec.Network, ",") {
			if err := addNetwork(req, name, ""); err != nil {
				return err
			}
		}
	}
	if len(spec.DNS)+len(spec.DNSSearch)+len(spec.DNSOptions) > 0 && slices.Contains([]string{"none", "container"}, mode) {
		return invalid("network: %q: Podman takes no dns, dns-search or dns-option with it", spec.Network)
	}
	return nil
}

// addNetwork joins a network of the engine; "default" is its default one.
func addNetwork(req *createRequest, name, opts string) error {
	if name == "" {
		return invalid("network: a network's name is empty")
	}
	req.NetNS.Mode = "bridge"
	var o networkOptions
	for opt := range strings.SplitSeq(opts, ",") {
		key, value, _ := strings.Cut(opt, "=")
		switch key {
		case "":
		case "ip", "ip6":
			if _, err := netip.ParseAddr(value); err != nil {
				return invalid("network: %q: takes %s=ADDRESS", opt, key)
			}
			o.StaticIPs = append(o.StaticIPs, value)
		case "mac":
			if _, err := net.ParseMAC(value); err != nil {
				return invalid("network: %q: takes mac=ADDRESS", opt)
			}
			o.StaticMAC = value
		case "alias":
			o.Aliases = append(o.Aliases, value)
		case "interface_name":
			o.InterfaceName = value
		default:
			if o.Options == nil {
				o.Options = map[string]string{}
			}
			o.Options[key] = value
		}
	}
	if req.Networks == nil {
		req.Networks = map[string]networkOptions{}
	}
	req.Networks[name] = o
	return nil
}
