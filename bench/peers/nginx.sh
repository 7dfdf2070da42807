# shellcheck shell=bash
# What both nginx peers have in common: how nginx is installed, and all of its configuration but the part they differ in.
# shellcheck source=bench/peers/common.sh
source "$(dirname "$0")/../common.sh"

install_nginx() {
  # shellcheck disable=SC2317  # install_once calls it
  unpack() { unpack_debian nginx-light; }
  if ! program nginx >/dev/null; then install_once unpack; fi
  local nginx
  nginx=$(program nginx)
  use_libraries_of "$nginx"
  "$nginx" -v 2>&1 | sed 's/.*: //; s#/# #'
}

# serve_with_nginx PART: becomes nginx, with PART in its http block.
serve_with_nginx() {
  local nginx folder cpu affinity=() user='' errors=()
  nginx=$(program nginx) || die "not installed: run $peer_folder/install first"
  use_libraries_of "$nginx"
  raise_files_max
  folder=$(run_folder)
  [ -n "${RINGWAY_BENCH_RUN:-}" ] || printf '%s: files of this run are in %s\n' "$peer" "$folder" >&2
  # A mask a worker, its lowest bit on the right. Bash pads with zeros.
  for cpu in "${cpus[@]}"; do affinity+=("$(printf '1%0*d' "$cpu" 0 | cut -c "1-$((cpu + 1))")"); done
  # A master that is root hands its workers to nobody, who cannot open files in the run's folder.
  [ "$(id -u)" -ne 0 ] || user='user root;'
  # Older ones have no -e, and complain once that they cannot write to their own log.
  ! "$nginx" -h 2>&1 | grep -q -e '-e filename' || errors=(-e stderr)
  cat >"$folder/nginx.conf" <<END
daemon off;
master_process on;
worker_processes ${#cpus[@]};
worker_cpu_affinity ${affinity[*]};
$user
pid $folder/nginx.pid;
error_log stderr error;
events { worker_connections 16384; }
http {
  # A line a request, written to a file, is what costs nginx most.
  access_log off;
  # Never end a connection that is being measured: the default is 1000 requests.
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  # A body that fits is never written to a file; the default is 16 KiB.
  client_body_buffer_size 1m;
  client_max_body_size 64m;
  client_body_temp_path $folder/body;
  proxy_temp_path $folder/proxy;
  fastcgi_temp_path $folder/fastcgi;
  uwsgi_temp_path $folder/uwsgi;
  scgi_temp_path $folder/scgi;
$1
}
END
  exec "$nginx" -p "$folder" -c "$folder/nginx.conf" "${errors[@]}"
}

# What PART listens on. Each worker has its own queue of connections where there are several; else all wake up for each.
nginx_listen() {
  local reuseport=''
  [ ${#cpus[@]} -eq 1 ] || reuseport=' reuseport'
  echo "127.0.0.1:$PORT backlog=$backlog$reuseport"
}
