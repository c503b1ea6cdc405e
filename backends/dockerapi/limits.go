package dockerapi

import (
	"slices"
	"strings"

	"github.com/docker/cli/opts"
	"github.com/docker/docker/api/types/blkiodev"
	"github.com/docker/docker/api/types/container"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// resources gives the limits and devices of spec. Where `docker run` sends a default
// by name (-1 swappiness, 0 pids) so does this.
func resources(spec runtime.Spec) (container.Resources, error) {
	swappiness := int64(-1)
	if spec.MemorySwappiness != nil {
		swappiness = *spec.MemorySwappiness
	}
	oomKillDisable, pidsLimit := spec.OOMKillDisable, spec.PidsLimit
	r := container.Resources{
		CgroupParent:         spec.CgroupParent,
		Memory:               spec.Memory,
		MemoryReservation:    spec.MemoryReservation,
		MemorySwap:           spec.MemorySwap,
		MemorySwappiness:     &swappiness,
		OomKillDisable:       &oomKillDisable,
		NanoCPUs:             spec.NanoCPUs,
		CPUShares:            spec.CPUShares,
		CPUPeriod:            spec.CPUPeriod,
		CPUQuota:             spec.CPUQuota,
		CpusetCpus:           spec.CpusetCPUs,
		CpusetMems:           spec.CpusetMems,
		PidsLimit:            &pidsLimit,
		BlkioWeightDevice:    []*blkiodev.WeightDevice{},
		BlkioDeviceReadBps:   []*blkiodev.ThrottleDevice{},
		BlkioDeviceWriteBps:  []*blkiodev.ThrottleDevice{},
		BlkioDeviceReadIOps:  []*blkiodev.ThrottleDevice{},
		BlkioDeviceWriteIOps: []*blkiodev.ThrottleDevice{},
		Ulimits:              make([]*container.Ulimit, 0, len(spec.Ulimits)),
		Devices:              []container.DeviceMapping{},
	}
	for _, u := range spec.Ulimits {
		r.Ulimits = append(r.Ulimits, &container.Ulimit{Name: u.Name, Soft: u.Soft, Hard: u.Hard})
	}
	slices.SortStableFunc(r.Ulimits, func(a, b *container.Ulimit) int { return strings.Compare(a.Name, b.Name) })

	var gpus opts.GpuOpts
	for _, g := range spec.GPUs {
		if err := gpus.Set(g); err != nil {
			return container.Resources{}, invalid("gpus", g, err.Error())
		}
	}
	r.DeviceRequests = gpus.Value()
	var cdi []string
	for _, d := range spec.Devices {
		if d.CDI != "" {
			cdi = append(cdi, d.CDI)
			continue
		}
		r.Devices = append(r.Devices, container.DeviceMapping{
			PathOnHost: d.Source, PathInContainer: d.Target, CgroupPermissions: d.Permissions,
		})
	}
	if len(cdi) > 0 {
		r.DeviceRequests = append(r.DeviceRequests, container.DeviceRequest{Driver: "cdi", DeviceIDs: cdi})
	}
	return r, nil
}

// discarded tells whether warning, which the engine gave with a container it made,
// says that it drops a limit that spec asks for. The engine warns of some defaults
// too; those are no more than warnings.
func discarded(warning string, spec runtime.Spec) bool {
	for _, w := range []struct {
		text  string
		asked bool
	}{
		{"Memory limited without swap", spec.MemorySwap > 0},
		{"swappiness discarded", spec.MemorySwappiness != nil},
		{"OomKillDisable discarded", spec.OOMKillDisable},
	} {
		if strings.Contains(warning, w.text) {
			return w.asked
		}
	}
	return strings.Contains(warning, "discarded")
}
