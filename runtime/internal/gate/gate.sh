set -f
dockerrun_n='
'
exec 3>&2 2>/dev/null
echo 'dockerrun gate 1'
IFS=' ' read -r dockerrun_t dockerrun_h || exit 0
(
unset PWD OLDPWD SHLVL _
eval "$dockerrun_h"
case $1 in
*/*) dockerrun_f=$1 ;;
*)
	dockerrun_f= IFS=:
	for dockerrun_d in $PATH; do
		case $dockerrun_d in /*) ;; *) continue ;; esac
		if [ -f "$dockerrun_d/$1" ] && [ -x "$dockerrun_d/$1" ]; then
			dockerrun_f=$dockerrun_d/$1
			break
		fi
	done ;;
esac
case $dockerrun_f in -*) dockerrun_f=./$dockerrun_f ;; esac
[ -e "$dockerrun_f" ] || exit 127
[ -x "$dockerrun_f" ] && [ ! -d "$dockerrun_f" ] || exit 126
echo "$dockerrun_t"
shift
exec "$dockerrun_f" "$@" 2>&3 3>&-
)
dockerrun_s=$?
echo "$dockerrun_t $dockerrun_s"
echo "$dockerrun_t $dockerrun_s" >&3
exit $dockerrun_s
