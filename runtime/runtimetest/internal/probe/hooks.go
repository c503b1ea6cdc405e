package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// hookRequest is what PromptKit writes to an exec hook's stdin.
type hookRequest struct {
	Hook     string `json:"hook"`
	Phase    string `json:"phase"`
	Request  any    `json:"request"`
	Response any    `json:"response"`
	Event    any    `json:"event"`
}

// hookResponse is what PromptKit reads from an exec hook's stdout.
type hookResponse struct {
	Allow    bool           `json:"allow"`
	Reason   string         `json:"reason,omitempty"`
	Enforced bool           `json:"enforced,omitempty"`
	Ack      bool           `json:"ack,omitempty"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

// hook [deny|redact|fail|garbage|slow DURATION|record FILE] is a hook of PromptKit,
// of any kind, that looks for e-mail addresses in all it is told:
//
//	deny     allows, or denies with a reason where there is one (the default)
//	redact   allows, or enforces a replacement text where there is one
//	fail     writes to stderr and ends with 3 where there is one, else allows
//	garbage  writes what is no JSON
//	slow     waits, then denies as deny does
//	record   appends what it was told to FILE, one line, then denies as deny does
//
// A session hook has no say; it acknowledges, or ends with 3 where there is one.
func hook(_ context.Context, p *Process, args []string) error {
	data, err := io.ReadAll(p.Stdin)
	if err != nil {
		return err
	}
	var req hookRequest
	if err := json.Unmarshal(data, &req); err != nil {
		return fmt.Errorf("stdin is no hook request: %w", err)
	}
	if req.Hook == "" || req.Phase == "" {
		return errors.New("stdin is no hook request: it names no hook or no phase")
	}
	found := emails([]any{req.Request, req.Response, req.Event})

	mode := word(args, 0, "deny")
	switch mode {
	case "garbage":
		_, err := io.WriteString(p.Stdout, "this is no JSON")
		return err
	case "slow":
		d, err := time.ParseDuration(word(args, 1, ""))
		if err != nil {
			return err
		}
		p.Sleep(d)
	case "record":
		if err := p.AppendFile(word(args, 1, ""), append(data, '\n')); err != nil {
			return err
		}
	case "deny", "redact", "fail":
	default:
		return fmt.Errorf("%q is not a mode", mode)
	}

	if len(found) > 0 && (mode == "fail" || req.Hook == "session") {
		fmt.Fprintf(p.Stderr, "%s hook refused: %d e-mail address(es) in %s\n", req.Hook, len(found), req.Phase)
		return exit(3)
	}
	switch {
	case req.Hook == "session":
		return writeJSON(p.Stdout, hookResponse{Allow: true, Ack: true})
	case len(found) == 0:
		return writeJSON(p.Stdout, hookResponse{Allow: true})
	}
	resp := hookResponse{
		Reason:   fmt.Sprintf("%s %s holds %d e-mail address(es)", req.Hook, req.Phase, len(found)),
		Metadata: map[string]any{"emails": len(found), "phase": req.Phase},
	}
	if mode == "redact" {
		resp.Enforced = true
		resp.Metadata["replacement"] = redact(lastText(req))
	}
	return writeJSON(p.Stdout, resp)
}

// eval [FILE] reads the result of an eval, as PromptKit tells it, and appends it to
// FILE, as nobody reads the answer. What is no such result ends with 3.
func eval(_ context.Context, p *Process, args []string) error {
	data, err := io.ReadAll(p.Stdin)
	if err != nil {
		return err
	}
	var result struct {
		ID string `json:"eval_id"`
	}
	if err := json.Unmarshal(data, &result); err != nil || result.ID == "" {
		fmt.Fprintln(p.Stderr, "stdin is no eval result")
		return exit(3)
	}
	if len(args) > 0 {
		return p.AppendFile(args[0], append(data, '\n'))
	}
	return nil
}

// select answers as a selector of PromptKit: the candidates that share a word with
// the query, at most as many as it asks for.
func selectSome(_ context.Context, p *Process, _ []string) error {
	var req struct {
		Query struct {
			Text string
			K    int
		} `json:"query"`
		Candidates []struct{ ID, Name, Description string } `json:"candidates"`
	}
	if err := json.NewDecoder(p.Stdin).Decode(&req); err != nil {
		return fmt.Errorf("stdin is no selection request: %w", err)
	}
	wanted := make(map[string]bool)
	for _, w := range strings.Fields(strings.ToLower(req.Query.Text)) {
		wanted[w] = true
	}
	selected := []string{}
	for _, c := range req.Candidates {
		for _, w := range strings.Fields(strings.ToLower(c.Name + " " + c.Description)) {
			if wanted[w] && (req.Query.K <= 0 || len(selected) < req.Query.K) {
				selected = append(selected, c.ID)
				break
			}
		}
	}
	return writeJSON(p.Stdout, map[string]any{"selected": selected, "reason": "shared words"})
}

func emailRE() *regexp.Regexp {
	return regexp.MustCompile(`[a-zA-Z0-9._%+-]+@[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+`)
}

func redact(text string) string { return emailRE().ReplaceAllString(text, "[e-mail]") }

// emails are the addresses in all strings of a decoded JSON value.
func emails(v any) []string {
	re := emailRE()
	var found []string
	walk(v, func(s string) { found = append(found, re.FindAllString(s, -1)...) })
	return found
}

func walk(v any, visit func(string)) {
	switch v := v.(type) {
	case string:
		visit(v)
	case []any:
		for _, e := range v {
			walk(e, visit)
		}
	case map[string]any:
		for _, e := range v {
			walk(e, visit)
		}
	}
}

// lastText is what a hook would replace: the response's message, the result of a
// tool, or the last message of the request.
func lastText(req hookRequest) string {
	if m, ok := req.Response.(map[string]any); ok {
		if text, ok := m["Content"].(string); ok {
			return text
		}
		return content(m["Message"])
	}
	if m, ok := req.Request.(map[string]any); ok {
		if list, ok := m["Messages"].([]any); ok && len(list) > 0 {
			return content(list[len(list)-1])
		}
	}
	return ""
}

func content(message any) string {
	m, ok := message.(map[string]any)
	if !ok {
		return ""
	}
	if text, _ := m["content"].(string); text != "" {
		return text
	}
	var parts []string
	list, _ := m["parts"].([]any)
	for _, part := range list {
		if m, ok := part.(map[string]any); ok {
			if text, ok := m["text"].(string); ok {
				parts = append(parts, text)
			}
		}
	}
	return strings.Join(parts, "\n")
}
