package runtimetest

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

const (
	saysImage      = "The zero value of a field leaves the matter to the image."
	saysEntrypoint = `Entrypoint replaces the image's. Nil keeps it; [""] clears it, as --entrypoint= does.`
	saysStore      = "Image makes the image present as the policy asks and describes it. It fails with ErrImageMissing when it may not pull."
)

func imageCases() []testCase {
	variant := func(want string, change func(*runtime.Spec)) func(*suite) {
		return func(s *suite) {
			spec := runtime.Spec{Image: s.Variant, Labels: map[string]string{labelCase: s.id}, Network: "none"}
			change(&spec)
			s.same("stdout", s.ok(spec, nil).stdout, []byte(want+"\n"))
		}
	}
	return []testCase{
		{"image/command", "Args empty: the image's own command.", variant(`["from-cmd","two words"]`, func(*runtime.Spec) {})},
		{"image/arguments for the entrypoint", "With an entrypoint Args are its arguments.", variant(`["a",""]`, func(spec *runtime.Spec) {
			spec.Args = []string{"a", ""}
		})},
		{"image/entrypoint replaced", saysEntrypoint, variant(`["x"]`, func(spec *runtime.Spec) {
			spec.Entrypoint, spec.Args = []string{"/probe"}, []string{"args", "x"}
		})},
		{"image/entrypoint cleared", saysEntrypoint, variant(`["y"]`, func(spec *runtime.Spec) {
			spec.Entrypoint, spec.Args = []string{""}, []string{"/probe", "args", "y"}
		})},
		{"image/environment, user and directory", saysImage + " " + saysEnv, func(s *suite) {
			clear := func(spec *runtime.Spec) { spec.Image, spec.Entrypoint = s.Variant, []string{""} }
			env := s.env(func(spec *runtime.Spec) {
				clear(spec)
				spec.Env = []string{"REMOVE_ME", "ADDED=yes"}
			})
			s.has(env, []string{"FROM_IMAGE=yes", "ADDED=yes"})
			s.hasNot(env, "REMOVE_ME")
			who := s.identity(clear)
			if who.UID != 1234 || who.GID != 1234 || who.Dir != "/data" {
				s.Errorf("the process is %+v; want uid and gid 1234 in /data", who)
			}
			who = s.identity(func(spec *runtime.Spec) {
				clear(spec)
				spec.User, spec.Dir = "0:0", "/"
			})
			if who.UID != 0 || who.GID != 0 || who.Dir != "/" {
				s.Errorf("the process is %+v; want uid and gid 0 in /", who)
			}
		}},
		{"image/store", saysStore, store},
	}
}

func store(s *suite) {
	ctx, cancel := context.WithTimeout(context.Background(), s.Patience)
	defer cancel()
	img, err := runtime.GetImage(ctx, s.rt, runtime.ImageRequest{Ref: s.Variant, Pull: runtime.PullNever})
	if errors.Is(err, runtime.ErrUnsupported) {
		return // an ability that a runtime may do without
	}
	if err != nil {
		s.Fatalf("Image: %v", err)
	}
	if !strings.HasPrefix(img.ID, "sha256:") || !strings.HasPrefix(img.Platform, "linux/") {
		s.Errorf("ID is %q, Platform %q; want sha256:... and linux/...", img.ID, img.Platform)
	}
	if !slices.Equal(img.Entrypoint, []string{"/probe", "args"}) || !slices.Equal(img.Cmd, []string{"from-cmd", "two words"}) ||
		img.User != "1234:1234" || img.WorkingDir != "/data" || !slices.Contains(img.Env, "FROM_IMAGE=yes") {
		s.Errorf("Image says %+v", img)
	}
	if again, err := runtime.GetImage(ctx, s.rt, runtime.ImageRequest{Ref: s.Variant}); err != nil || again.ID != img.ID {
		s.Errorf("with pull policy missing: %q, %v; want %q", again.ID, err, img.ID)
	}
	spec := s.spec("exit", "3")
	spec.Image, spec.Entrypoint = img.ID, []string{""}
	s.ended(s.run(spec, nil), 3) // an ID is a reference too
	_, err = runtime.GetImage(ctx, s.rt, runtime.ImageRequest{Ref: s.Missing, Pull: runtime.PullNever})
	if !errors.Is(err, runtime.ErrImageMissing) {
		s.Errorf("for an image that is not there and pull policy never: %v; want %q", err, runtime.ErrImageMissing)
	}
}
