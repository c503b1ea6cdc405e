package factory

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// FuzzParseConfig: whatever a YAML decoder hands over, each fault names a key that is
// there, no message shows what may be a secret, and what was accepted reads back from a
// map of the same values.
func FuzzParseConfig(f *testing.F) {
	var all strings.Builder
	for _, k := range Keys() {
		f.Add(k.Name+": "+k.Example, "s3cr3t-value")
		all.WriteString(k.Name + ": " + k.Example + "\n")
	}
	f.Add(all.String(), "another-secret")
	for _, seed := range []string{
		"image: 7", "memory: .inf", "memory: 1e30", "pids_limit: -1.5", "env: {A: null, B: true, 3: x}", "labels: [a=b, c]", "warm: {size: x, nope: 1}",
		"mounts: ./a:/b", "timeout: 5", "entrypoint: null", "env: [[a]]", "mode: direct", "imag: x", "{1: 2}", "extra_args: --x", "timeout: 2026-01-01",
		"memory: &a [*a]", "warm: -1", "env: &e {<<: {A: b}}", "devices: !!binary aGVsbG8=",
	} {
		f.Add(seed, "password=1234567")
	}
	f.Fuzz(func(t *testing.T, text, secret string) {
		var cfg map[string]any
		if yaml.Unmarshal([]byte(text), &cfg) != nil || cfg == nil {
			return
		}
		config, err := ParseConfig("box", cfg)
		again, err2 := ParseConfig("box", cfg)
		require.Equal(t, err, err2)
		require.Equal(t, config, again, "the same map, the same configuration")
		if err != nil {
			require.ErrorIs(t, err, runtime.ErrInvalidSpec)
			var faults *ConfigError
			require.True(t, errors.As(err, &faults))
			for _, fault := range faults.Faults {
				require.True(t, slices.ContainsFunc(slices.Collect(maps.Keys(cfg)), func(key string) bool {
					return strings.HasPrefix(fault.Key, key)
				}), "%q is no key of this configuration", fault.Key)
				require.True(t, strings.HasPrefix(fault.Message, fault.Key), fault.Message)
			}
		} else {
			requireReadsBack(t, config)
		}
		requireSecretKept(t, cfg, secret)
	})
}

// requireReadsBack says a configuration as a map, of which each key is its field.
func requireReadsBack(t *testing.T, config Config) {
	t.Helper()
	cfg, fields := map[string]any{}, reflect.ValueOf(config)
	for _, k := range Keys() {
		v := fields.FieldByName(k.Field)
		switch {
		case v.IsZero():
		case k.Name == "warm": // the one that is no value of its field's type
			cfg["warm"] = warmMap(config.Warm)
		default:
			cfg[k.Name] = v.Interface()
		}
	}
	again, err := ParseConfig("box", cfg)
	require.NoError(t, err)
	require.Equal(t, config, again)
}

func warmMap(w Warm) map[string]any {
	out := map[string]any{}
	for name, value := range map[string]any{"size": w.Size, "start": w.Start, "idle_ttl": w.IdleTTL, "max_age": w.MaxAge, "refill": w.Refill} {
		if !reflect.ValueOf(value).IsZero() {
			out[name] = value
		}
	}
	return out
}

// requireSecretKept puts a secret into each key that may hold one, in a wrong place.
func requireSecretKept(t *testing.T, cfg map[string]any, secret string) {
	t.Helper()
	if len(secret) < 8 {
		return // it may stand in a message by chance
	}
	for _, value := range []any{
		[]any{[]any{"A=" + secret}}, map[string]any{"A": []any{secret}}, map[any]any{3: secret}, []any{map[string]any{"A": secret}},
	} {
		for _, key := range []string{"env", "extra_args"} {
			with := maps.Clone(cfg)
			delete(with, key)
			_, before := ParseConfig("box", with)
			if before != nil && strings.Contains(before.Error(), secret) {
				return // it is the rest of the configuration that says it
			}
			with[key] = value
			_, err := ParseConfig("box", with)
			require.Error(t, err)
			require.NotContains(t, err.Error(), secret, key)
		}
	}
}
