package dockerapi

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	event := func(action string) string {
		return `{"Type":"container","Action":"` + action + `","Actor":{"ID":"` + fakeID + `"}}` + "\n"
	}
	for name, tc := range map[string]struct {
		code    int
		inspect http.HandlerFunc
		events  string
		want    bool
	}{
		"record":          {137, reply(200, `{"Id":"x","State":{"OOMKilled":true}}`), "", true},
		"history":         {137, nil, event("oom") + event("die"), true},
		"history, late":   {137, reply(200, `{"Id":"x","State":{"OOMKilled":false}}`), event("die") + event("oom"), true},
		"killed":          {137, nil, event("die"), false},
		"a child's":       {1, nil, event("oom") + event("die"), false},
		"history too old": {137, nil, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newFakeDocker(t)
			d.command = func(io.Reader, io.Writer, io.Writer) int { return tc.code }
			d.answer["inspect"] = tc.inspect
			d.answer["events"] = func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, tc.events)
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}
			status, err := d.runtime(t).Run(t.Context(), spec, runtime.Stdio{})
			require.NoError(t, err)
			assert.Equal(t, runtime.Status{Code: tc.code, OOMKilled: tc.want}, status)
		})
	}
}
