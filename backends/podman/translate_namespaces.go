package podman

import (
	"strconv"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func setNamespaces(req *createRequest, spec runtime.Spec, svc service) error {
	for _, ns := range []struct {
		field, value string
		at           *namespace
		more         string // modes that this kind of namespace has beside the usual ones
	}{
		{"pid", spec.PIDMode, &req.PidNS, ""},
		{"ipc", spec.IPCMode, &req.IpcNS, "shareable none"},
		{"uts", spec.UTSMode, &req.UtsNS, ""},
		{"cgroupns", spec.CgroupNS, &req.CgroupNS, ""},
	} {
		if ns.value == "" {
			continue
		}
		parsed, ok := parseNamespace(ns.value, ns.more)
		if !ok {
			return invalid("%s: %q: takes host, private, container:ID%s or ns:PATH", ns.field, ns.value, orList(ns.more))
		}
		*ns.at = parsed
	}
	return setUserNS(req, spec.UserNS, svc)
}

func orList(words string) string {
	if words == "" {
		return ""
	}
	return ", " + strings.ReplaceAll(words, " ", ", ")
}

// parseNamespace reads the modes that all kinds of namespace share, and more.
func parseNamespace(value, more string) (namespace, bool) {
	switch value {
	case "host", "private", "pod":
		return namespace{Mode: value}, true
	}
	for mode := range strings.FieldsSeq(more) {
		if value == mode {
			return namespace{Mode: mode}, true
		}
	}
	if id, ok := strings.CutPrefix(value, "container:"); ok && id != "" {
		return namespace{Mode: "container", Value: id}, true
	}
	if path, ok := strings.CutPrefix(value, "ns:"); ok && path != "" {
		return namespace{Mode: "path", Value: path}, true
	}
	return namespace{}, false
}

// setUserNS sends the id mappings that belong to a mode together with it: the API
// makes none of its own, and takes auto without them for host.
func setUserNS(req *createRequest, value string, svc service) error {
	req.IDMappings = &idMappings{HostUIDMapping: true, HostGIDMapping: true}
	if value == "" {
		return nil
	}
	mode, opts, _ := strings.Cut(value, ":")
	switch mode {
	case "auto":
		auto, err := parseAutoUserNS(opts)
		if err != nil {
			return err
		}
		req.IDMappings = &idMappings{AutoUserNs: true, AutoUserNsOpts: auto}
		req.UserNS = namespace{Mode: "auto", Value: opts}
	case "keep-id", "nomap":
		if mode == "keep-id" && opts != "" && !svc.atLeast(4, 3) {
			return unsupported("userns %q: options of keep-id need Podman 4.3 or later; the service is %s", value, svc.version)
		}
		req.IDMappings = &idMappings{}
		req.UserNS = namespace{Mode: mode, Value: opts}
	default:
		ns, ok := parseNamespace(value, "")
		if !ok {
			return invalid("userns: %q: takes host, private, auto[:...], keep-id[:uid=N,gid=N], nomap, container:ID or ns:PATH", value)
		}
		req.UserNS = ns
	}
	// What `kube generate` reads; older versions did not write it.
	if svc.atLeast(5, 0) {
		req.Annotations[annotationUserNS] = value
	}
	return nil
}

// parseAutoUserNS reads size=N,uidmapping=C:H:N,gidmapping=C:H:N.
func parseAutoUserNS(opts string) (autoUserNS, error) {
	var auto autoUserNS
	if opts == "" {
		return auto, nil
	}
	for opt := range strings.SplitSeq(opts, ",") {
		key, value, _ := strings.Cut(opt, "=")
		switch key {
		case "size":
			n, err := strconv.ParseUint(value, 10, 32)
			if err != nil {
				return auto, invalid("userns: auto: %q: takes size=N", opt)
			}
			auto.Size = uint32(n)
		case "uidmapping", "gidmapping":
			m, ok := parseIDMap(value)
			if !ok {
				return auto, invalid("userns: auto: %q: takes %s=CONTAINER:HOST:SIZE", opt, key)
			}
			if key == "uidmapping" {
				auto.AdditionalUIDMappings = append(auto.AdditionalUIDMappings, m)
			} else {
				auto.AdditionalGIDMappings = append(auto.AdditionalGIDMappings, m)
			}
		default:
			return auto, invalid("userns: auto: %q: takes size, uidmapping and gidmapping", opt)
		}
	}
	return auto, nil
}

func parseIDMap(value string) (idMap, bool) {
	parts := strings.Split(value, ":")
	if len(parts) == 2 {
		parts = append(parts, "1")
	}
	if len(parts) != 3 {
		return idMap{}, false
	}
	var m idMap
	for i, at := range []*int{&m.ContainerID, &m.HostID, &m.Size} {
		n, err := strconv.Atoi(parts[i])
		if err != nil || n < 0 {
			return idMap{}, false
		}
		*at = n
	}
	return m, true
}
