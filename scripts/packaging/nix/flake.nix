# petit of a release. scripts/packaging/recipes puts release.json beside this file: the version, and the address and hash of each archive.
{
  description = "petit, a job scheduler in one executable";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      release = builtins.fromJSON (builtins.readFile ./release.json);
      systems = builtins.attrNames release.archives;
      forEachSystem =
        make:
        builtins.listToAttrs (
          map (system: {
            name = system;
            value = make nixpkgs.legacyPackages.${system};
          }) systems
        );
      packageOf =
        pkgs:
        let
          inherit (pkgs) lib stdenv;
        in
        stdenv.mkDerivation {
          pname = "petit";
          inherit (release) version;
          src = pkgs.fetchurl release.archives.${stdenv.hostPlatform.system};
          nativeBuildInputs = [
            pkgs.installShellFiles
          ]
          ++ lib.optionals stdenv.hostPlatform.isLinux [ pkgs.autoPatchelfHook ];
          # The code of petit is a section of the executable, which stripping would remove.
          dontStrip = true;
          dontBuild = true;
          installPhase = ''
            runHook preInstall
            install -D -m 755 petit $out/bin/petit
            installManPage man/man1/* man/man5/*
            installShellCompletion --cmd petit \
              --bash completions/petit.bash --zsh completions/_petit --fish completions/petit.fish
            install -D -m 644 -t $out/share/doc/petit LICENSE THIRD-PARTY-LICENSES CHANGELOG.md README.md docs/*
            runHook postInstall
          '';
          meta = {
            description = "Job scheduler in one executable";
            license = lib.licenses.mit;
            mainProgram = "petit";
            platforms = systems;
            sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
          };
        };
    in
    {
      packages = forEachSystem (pkgs: rec {
        petit = packageOf pkgs;
        default = petit;
      });
    };
}
