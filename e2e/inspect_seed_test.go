package e2e

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/factory"
)

// With none of the new keys set, the container is the one that the seed's argv makes:
// docker run --rm -i [--network=..] [-v ..] extra_args image command args.
func TestInspectSeedConfig(t *testing.T) {
	docker := variantsOf(t, engines.Docker)[0]
	p := newPlace(t, docker)
	t.Setenv("DOCKER_HOST", docker.Host) // the seed has no key for it
	for name, cfg := range map[string]factory.Config{
		"network":    {Network: "none"},
		"mounts":     {Network: "none", Mounts: []string{"{dir}:/hooks:ro", "{volume}:/cache", "/scratch"}},
		"default":    {},
		"extra_args": {Network: "none", ExtraArgs: []string{"--memory=64m", "--cpus", "0.5", "-e", "A=b", "--user=1234", "--read-only", "--tmpfs=/tmp:size=1m"}},
		"everything": {Network: "{net}", Mounts: []string{"{dir}:/hooks:rw"}, ExtraArgs: []string{"--cap-drop=CAP_CHOWN", "--label=a=b", "-w", "/data", "--init"}},
		"passed on":  {Network: "none", ExtraArgs: []string{"--stop-timeout=3", "--domainname=example"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.Network, cfg.Mounts, cfg.ExtraArgs = p.Replace(cfg.Network), p.words(cfg.Mounts), p.words(cfg.ExtraArgs)
			c := p.in(inspectCase{})
			want := p.record(t, docker, func(ctx context.Context, c inspectCase, mark string) error {
				return viaSeed(ctx, docker, cfg, c, mark)
			}, c)
			got := p.record(t, docker, func(ctx context.Context, c inspectCase, mark string) error {
				cfg := cfg
				cfg.Image, cfg.ExtraArgs = c.image, append(slices.Clone(cfg.ExtraArgs), "--label="+markLabel+"="+mark)
				sb := factory.New(cfg)
				resp, err := sb.Spawn(ctx, c.req)
				return errors.Join(err, resp.Err, sb.Close())
			}, c)
			if want.err != nil || got.err != nil {
				t.Fatalf("the seed's argv: %v; the sandbox: %v", want.err, got.err)
			}
			for _, d := range inspectDiff(engines.Docker, want.record, got.record) {
				t.Error(d)
			}
		})
	}
}

// viaSeed is the seed's argv, through the CLI that a case goes through otherwise.
func viaSeed(ctx context.Context, v engines.Variant, cfg factory.Config, c inspectCase, mark string) error {
	c.flags = nil
	if cfg.Network != "" {
		c.flags = append(c.flags, "--network="+cfg.Network)
	}
	for _, m := range cfg.Mounts {
		c.flags = append(c.flags, "-v="+m)
	}
	c.flags = append(c.flags, cfg.ExtraArgs...)
	if cfg.Network == "" {
		c.flags = append(c.flags, "--network=default") // what the CLI says when nobody does
	}
	return viaCLI(v.CLI)(ctx, c, mark)
}
