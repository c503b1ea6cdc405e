# What would become of an exec of a file. Words: ok, missing, directory, noexec (no
# permission), format (neither a program nor a script), interpreter (which a script needs
# and the image lacks).
judge() {
	if [ -d "$1" ]; then
		printf 'directory %s\n' "$1"
	elif [ ! -e "$1" ]; then
		printf 'missing %s\n' "$1"
	elif [ ! -x "$1" ]; then
		printf 'noexec %s\n' "$1"
	elif [ ! -r "$1" ]; then
		printf 'ok %s\n' "$1"
	else
		line=
		IFS= read -r line 2>/dev/null <"$1"
		case $line in
		'#!'*) script "$1" "${line#??}" ;;
		"$elf"*) printf 'ok %s\n' "$1" ;;
		*) printf 'format %s\n' "$1" ;;
		esac
	fi
}

# A script is as good as its interpreter, and that of env as what env looks for.
script() {
	file=$1
	IFS=$blanks
	set -f
	set -- $2
	set +f
	if [ ! -f "$1" ] || [ ! -x "$1" ]; then
		printf 'interpreter %s\n' "$1"
		return
	fi
	case $1 in
	*/env)
		shift
		[ "$1" = -S ] && shift
		case $1 in
		'' | -* | *=*) ;;
		*)
			if ! find_in_path "$1"; then
				printf 'interpreter %s\n' "$1"
				return
			fi
			;;
		esac
		;;
	esac
	printf 'ok %s\n' "$file"
}

# As an engine does: the first file of that name that can be run, else any.
find_in_path() {
	at=
	IFS=:
	for dir in $PATH; do
		f=${dir:-.}/$1
		if [ -f "$f" ] && [ -x "$f" ]; then
			at=$f
			return 0
		fi
		[ -f "$f" ] && at=${at:-$f}
	done
	return 1
}

elf=$(printf '\177ELF')
blanks=' 	
'
for command do
	case $command in
	*/*) judge "$command" ;;
	*)
		find_in_path "$command"
		judge "${at:-$command}"
		;;
	esac
done
