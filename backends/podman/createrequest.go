package podman

// createRequest is the body of POST /containers/create: the part of Podman's spec
// generator that we fill. Fields that a service does not know are lost without a
// word, so what an old one lacks is checked in translate.
type createRequest struct {
	Name         string            `json:"name"`
	Image        string            `json:"image"`
	RawImageName string            `json:"raw_image_name,omitempty"`
	ImageOS      string            `json:"image_os,omitempty"`
	ImageArch    string            `json:"image_arch,omitempty"`
	ImageVariant string            `json:"image_variant,omitempty"`
	Command      []string          `json:"command,omitempty"`
	Entrypoint   []string          `json:"entrypoint,omitempty"`
	Env          map[string]string `json:"env,omitempty"`
	UnsetEnv     []string          `json:"unsetenv,omitempty"`
	HTTPProxy    bool              `json:"httpproxy"`
	Labels       map[string]string `json:"labels,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	WorkDir      string            `json:"work_dir,omitempty"`
	User         string            `json:"user,omitempty"`
	Groups       []string          `json:"groups,omitempty"`
	Hostname     string            `json:"hostname,omitempty"`
	Stdin        bool              `json:"stdin"`
	Terminal     bool              `json:"terminal"`
	Remove       bool              `json:"remove"`
	Volatile     bool              `json:"volatile"` // no need to sync what is thrown away
	Init         *bool             `json:"init,omitempty"`
	Systemd      string            `json:"systemd"`
	SdNotifyMode string            `json:"sdnotifyMode"`
	StopSignal   int               `json:"stop_signal,omitempty"`
	StopTimeout  uint              `json:"stop_timeout"`
	Timeout      uint              `json:"timeout,omitempty"` // seconds
	Health       *healthConfig     `json:"healthconfig,omitempty"`
	Log          *logConfig        `json:"log_configuration,omitempty"`
	Sysctl       map[string]string `json:"sysctl,omitempty"`

	Mounts       []mount       `json:"mounts,omitempty"`
	Volumes      []namedVolume `json:"volumes,omitempty"`
	ImageVolumes []imageVolume `json:"image_volumes,omitempty"`
	Devices      []device      `json:"devices,omitempty"`
	ShmSize      *int64        `json:"shm_size,omitempty"`
	ReadOnly     bool          `json:"read_only_filesystem"`
	RWTmpfs      bool          `json:"read_write_tmpfs"`

	Privileged      *bool       `json:"privileged,omitempty"`
	CapAdd          []string    `json:"cap_add,omitempty"`
	CapDrop         []string    `json:"cap_drop,omitempty"`
	SelinuxOpts     []string    `json:"selinux_opts,omitempty"`
	LabelNested     *bool       `json:"label_nested,omitempty"`
	AppArmor        string      `json:"apparmor_profile,omitempty"`
	SeccompPolicy   string      `json:"seccomp_policy"`
	SeccompProfile  string      `json:"seccomp_profile_path,omitempty"`
	NoNewPrivileges *bool       `json:"no_new_privileges,omitempty"`
	ProcOpts        []string    `json:"procfs_opts,omitempty"`
	Mask            []string    `json:"mask,omitempty"`
	Unmask          []string    `json:"unmask,omitempty"`
	IDMappings      *idMappings `json:"idmappings,omitempty"`

	UserNS       namespace `json:"userns"`
	PidNS        namespace `json:"pidns"`
	IpcNS        namespace `json:"ipcns"`
	UtsNS        namespace `json:"utsns"`
	CgroupNS     namespace `json:"cgroupns"`
	CgroupParent string    `json:"cgroup_parent,omitempty"`

	NetNS          namespace                 `json:"netns"`
	Networks       map[string]networkOptions `json:"Networks,omitempty"`
	NetworkOptions map[string][]string       `json:"network_options,omitempty"`
	HostAdd        []string                  `json:"hostadd,omitempty"`
	DNSServers     []string                  `json:"dns_server,omitempty"`
	DNSSearch      []string                  `json:"dns_search,omitempty"`
	DNSOptions     []string                  `json:"dns_option,omitempty"`

	Resources   *resources `json:"resource_limits,omitempty"`
	Rlimits     []rlimit   `json:"r_limits,omitempty"`
	OOMScoreAdj *int       `json:"oom_score_adj,omitempty"`
}

// namespace without a mode is the service's default.
type namespace struct {
	Mode  string `json:"nsmode,omitempty"`
	Value string `json:"value,omitempty"`
}

type networkOptions struct {
	StaticIPs     []string          `json:"static_ips,omitempty"`
	Aliases       []string          `json:"aliases,omitempty"`
	StaticMAC     string            `json:"static_mac,omitempty"`
	InterfaceName string            `json:"interface_name"`
	Options       map[string]string `json:"options,omitempty"`
}

type mount struct {
	Destination string   `json:"destination"`
	Type        string   `json:"type"`
	Source      string   `json:"source"`
	Options     []string `json:"options,omitempty"`
}

// namedVolume without a name is anonymous. The API's own names are capitalised.
type namedVolume struct {
	Name    string
	Dest    string
	Options []string
	SubPath string `json:",omitempty"`
}

type imageVolume struct {
	Source      string
	Destination string
	ReadWrite   bool
	SubPath     string `json:"subPath,omitempty"`
}

// device's path is source[:target[:permissions]] or a CDI name.
type device struct {
	Path string `json:"path"`
}

type healthConfig struct {
	Test []string
}

type logConfig struct {
	Driver  string            `json:"driver,omitempty"`
	Path    string            `json:"path,omitempty"`
	Size    int64             `json:"size,omitempty"`
	Options map[string]string `json:"options,omitempty"`
}

// idMappings are sent always: without AutoUserNs, userns auto is the host's
// namespace.
type idMappings struct {
	HostUIDMapping bool
	HostGIDMapping bool
	AutoUserNs     bool
	AutoUserNsOpts autoUserNS
}

type autoUserNS struct {
	Size                  uint32
	AdditionalUIDMappings []idMap
	AdditionalGIDMappings []idMap
}

type idMap struct {
	ContainerID int `json:"container_id"`
	HostID      int `json:"host_id"`
	Size        int `json:"size"`
}

type resources struct {
	Memory *memoryLimits `json:"memory,omitempty"`
	CPU    *cpuLimits    `json:"cpu,omitempty"`
	Pids   *pidsLimit    `json:"pids,omitempty"`
}

type memoryLimits struct {
	Limit            *int64  `json:"limit,omitempty"`
	Reservation      *int64  `json:"reservation,omitempty"`
	Swap             *int64  `json:"swap,omitempty"`
	Swappiness       *uint64 `json:"swappiness,omitempty"`
	DisableOOMKiller *bool   `json:"disableOOMKiller,omitempty"`
}

type cpuLimits struct {
	Shares *uint64 `json:"shares,omitempty"`
	Quota  *int64  `json:"quota,omitempty"`
	Period *uint64 `json:"period,omitempty"`
	Cpus   string  `json:"cpus,omitempty"`
	Mems   string  `json:"mems,omitempty"`
}

type pidsLimit struct {
	Limit int64 `json:"limit"`
}

type rlimit struct {
	Type string `json:"type"`
	Hard uint64 `json:"hard"`
	Soft uint64 `json:"soft"`
}
