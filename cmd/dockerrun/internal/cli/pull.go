package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// What became of an image.
const (
	pullPresent = "present" // it was there
	pullDone    = "pulled"
	pullFailed  = "failed"
)

// pulled is one image on one engine, as JSON has it.
type pulled struct {
	Image     string   `json:"image"`
	Platform  string   `json:"platform,omitempty"`
	Runtime   string   `json:"runtime"`
	Host      string   `json:"host,omitempty"`
	Sandboxes []string `json:"sandboxes"` // that use it
	Status    string   `json:"status"`
	ID        string   `json:"id,omitempty"`
	Digests   []string `json:"digests,omitempty"`
	Seconds   float64  `json:"seconds"`
	Error     string   `json:"error,omitempty"`

	command string // that docker-cli starts
	sandbox *factory.Sandbox
}

// pullFlags is what the flags of pull say.
type pullFlags struct {
	always, json bool
	parallel     int
}

func newPull(sys System) *cobra.Command {
	f := &pullFlags{}
	cmd := &cobra.Command{
		Use:   "pull [flags] FILE",
		Short: "Fetch the images of a RuntimeConfig's sandboxes",
		Long: `Fetch the images of all docker_run sandboxes of a RuntimeConfig, so that no call has to wait
for one. Each image is fetched once for each engine, with that engine's credentials, and
whatever the sandboxes' own "pull" says; what is there already is left alone, unless
--always is given. pull_timeout bounds each.

The exit status is 0 when all images are there, 1 when one is not or the file is wrong,
and 128+n when dockerrun got signal n.`,
		Example: `  dockerrun pull runtime.yaml
  dockerrun pull --always --json runtime.yaml | jq -r '.[] | select(.status == "failed").image'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.parallel < 1 {
				return fmt.Errorf("--parallel=%d: it takes a number of pulls", f.parallel)
			}
			return f.run(cmd.Context(), sys, args[0])
		},
		ValidArgsFunction: yamlFiles,
	}
	cmd.Flags().BoolVar(&f.always, "always", false, "ask the registry also for what is there")
	cmd.Flags().BoolVar(&f.json, "json", false, "write JSON, when all is done")
	cmd.Flags().IntVar(&f.parallel, "parallel", 3, "how many images to fetch at once")
	return cmd
}

func (f *pullFlags) run(ctx context.Context, sys System, file string) error {
	images, err := imagesOf(sys, file)
	if err != nil {
		return err
	}
	ctx, stop := withSignals(ctx, sys.Signals)
	defer stop()
	show := f.display(sys)
	var wg sync.WaitGroup
	places := make(chan struct{}, f.parallel)
	for _, one := range images {
		places <- struct{}{} // in the file's order
		wg.Go(func() {
			defer func() { <-places }()
			one.fetch(ctx, f.always, show)
		})
	}
	wg.Wait()
	show.end()
	if f.json {
		enc := json.NewEncoder(sys.Stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(images)
	}
	for _, one := range images {
		if one.sandbox != nil {
			err = errors.Join(err, one.sandbox.Close())
		}
	}
	signal, isSignal := errors.AsType[*signalError](context.Cause(ctx))
	switch {
	case err != nil:
		return err
	case isSignal:
		return exitStatus(statusSignal + signal.number())
	case slices.ContainsFunc(images, func(p *pulled) bool { return p.Status == pullFailed }):
		return exitStatus(1)
	}
	return nil
}

// display is how the pulls are shown.
func (f *pullFlags) display(sys System) pullDisplay {
	switch {
	case f.json:
		return noDisplay{}
	case sys.Terminal:
		return newPullBars(sys)
	}
	return &pullLines{sys: sys}
}

// imagesOf are the images of a file's sandboxes, each once for each engine. A sandbox whose
// configuration is wrong has failed already.
func imagesOf(sys System, name string) ([]*pulled, error) {
	file, err := readConfig(name)
	if err != nil {
		return nil, err
	}
	boxes := ours(file)
	if len(boxes) == 0 {
		return nil, fmt.Errorf("%s declares no sandbox of mode %s", name, factory.ModeName)
	}
	var images []*pulled
	for _, box := range boxes {
		one := &pulled{Sandboxes: []string{box.Name}, Status: pullFailed}
		sb, err := newSandbox(sys, box.Name, box.Config)
		if err != nil {
			one.Error = err.Error()
			one.Image, _ = box.Config["image"].(string)
			images = append(images, one)
			continue
		}
		config, _ := factory.ParseConfig(box.Name, box.Config)                     // newSandbox has reported it
		spec, err := sb.Spec(factory.Request{Command: "the image is what counts"}) // with extra_args
		if err != nil {
			return nil, errors.Join(err, sb.Close())
		}
		one.Image, one.Platform, one.sandbox = spec.Image, spec.Platform, sb
		one.Runtime, one.Host, one.command = cmp.Or(config.Runtime, factory.RuntimeDockerCLI), config.Host, config.DockerPath
		if same := slices.IndexFunc(images, one.isSame); same >= 0 {
			images[same].Sandboxes = append(images[same].Sandboxes, box.Name)
			if err := sb.Close(); err != nil {
				return nil, err
			}
			continue
		}
		images = append(images, one)
	}
	return images, nil
}

func (p *pulled) isSame(other *pulled) bool {
	return other.sandbox != nil && p.Image == other.Image && p.Platform == other.Platform &&
		p.Runtime == other.Runtime && p.Host == other.Host && p.command == other.command
}

// title names the image on its engine.
func (p *pulled) title() string {
	parts := []string{cmp.Or(p.Image, "sandbox "+strings.Join(p.Sandboxes, ", "))}
	if p.Platform != "" {
		parts = append(parts, p.Platform)
	}
	if p.Runtime != "" {
		parts = append(parts, "("+p.Runtime+")")
	}
	return strings.Join(parts, " ")
}

// fetch makes the image present and says so.
func (p *pulled) fetch(ctx context.Context, always bool, show pullDisplay) {
	began := time.Now()
	report := show.begin(p)
	defer func() { show.done(p) }()
	if p.sandbox == nil {
		return
	}
	img, err := runtime.Image{}, error(nil)
	policy := runtime.PullAlways
	if !always {
		img, err = p.sandbox.Image(ctx, runtime.PullNever)
		p.Status, policy = pullPresent, runtime.PullMissing
	}
	if always || errors.Is(err, runtime.ErrImageMissing) {
		p.Status = pullDone
		img, err = p.sandbox.Image(runtime.WithTrace(ctx, &runtime.Trace{PullProgress: report}), policy)
	}
	p.Seconds = time.Since(began).Round(time.Millisecond).Seconds()
	if err != nil {
		p.Status, p.Error = pullFailed, err.Error()
		return
	}
	p.ID, p.Digests = img.ID, img.Digests
}
