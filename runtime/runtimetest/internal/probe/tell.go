package probe

import (
	"context"
)

// args writes its arguments as JSON.
func args(_ context.Context, p *Process, args []string) error {
	if args == nil {
		args = []string{}
	}
	return writeJSON(p.Stdout, args)
}

// env writes the environment as JSON: a list of KEY=value.
func env(_ context.Context, p *Process, _ []string) error {
	return writeJSON(p.Stdout, p.Env)
}

// id writes the Identity as JSON.
func id(_ context.Context, p *Process, _ []string) error {
	who, err := p.Identity()
	if err != nil {
		return err
	}
	return writeJSON(p.Stdout, who)
}

// cat FILE writes a file to stdout.
func cat(_ context.Context, p *Process, args []string) error {
	data, err := p.ReadFile(word(args, 0, ""))
	if err != nil {
		return err
	}
	_, err = p.Stdout.Write(data)
	return err
}

// write FILE TEXT makes a file.
func writeFile(_ context.Context, p *Process, args []string) error {
	return p.WriteFile(word(args, 0, ""), []byte(word(args, 1, "")))
}

// append FILE TEXT adds to a file.
func appendFile(_ context.Context, p *Process, args []string) error {
	return p.AppendFile(word(args, 0, ""), []byte(word(args, 1, "")))
}
