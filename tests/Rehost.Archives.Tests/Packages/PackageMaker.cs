using Rehost.Testing;

namespace Rehost.Archives.Tests.Packages;

/// <summary>Packages as rpmbuild and dpkg-deb make them.</summary>
internal static class PackageMaker
{
    /// <summary>Makes an rpm of a directory.</summary>
    /// <param name="scratch">Where to work.</param>
    /// <param name="tree">The files.</param>
    /// <param name="compression">rpm's own word: w9.gzdio, w2.xzdio, w3.zstdio, w9.bzdio, w2.lzdio.</param>
    /// <param name="architecture">x86_64, noarch.</param>
    /// <param name="name">Name of the package.</param>
    public static string Rpm(ScratchDirectory scratch, string tree, string compression, string architecture = "x86_64", string name = "kernel-test")
    {
        File.WriteAllText(scratch["p.spec"], $"""
            Name: {name}
            Epoch: 3
            Version: 2.6.18
            Release: 1.el5
            Summary: test
            License: none
            %define __os_install_post %{"{nil}"}
            %define _build_id_links none
            %define debug_package %{"{nil}"}
            AutoReqProv: no
            %description
            test
            %install
            mkdir -p %{"{buildroot}"}
            cp -a {tree}/. %{"{buildroot}"}/
            %post
            echo never run
            %files
            %defattr(-,root,root)
            /*

            """);
        Tool.MustRun("rpmbuild", "-bb", "--quiet", "--target", architecture, "--define", $"_topdir {scratch["rpm"]}", "--define", $"_binary_payload {compression}", "--define", "_rpmfilename out.rpm", scratch["p.spec"]);
        return Path.Combine(scratch["rpm"], "RPMS", "out.rpm");
    }

    /// <summary>Makes a deb of a directory.</summary>
    /// <param name="scratch">Where to work.</param>
    /// <param name="tree">The files.</param>
    /// <param name="compression">gzip, xz, zstd, none.</param>
    /// <param name="architecture">amd64, all.</param>
    /// <param name="name">Name of the package.</param>
    public static string Deb(ScratchDirectory scratch, string tree, string compression, string architecture = "amd64", string name = "linux-test")
    {
        var root = scratch["deb"];
        Tool.MustRun("cp", "-a", tree, root);
        Directory.CreateDirectory(Path.Combine(root, "DEBIAN"));
        File.WriteAllText(Path.Combine(root, "DEBIAN", "control"), $"Package: {name}\nVersion: 1:6.1-3\nArchitecture: {architecture}\nMaintainer: n <n@example.org>\nDescription: test\n more\n");
        File.WriteAllText(Path.Combine(root, "DEBIAN", "postinst"), "#!/bin/sh\nexit 1\n");
        File.SetUnixFileMode(Path.Combine(root, "DEBIAN", "postinst"), (UnixFileMode)0x1ED);
        Tool.MustRun("dpkg-deb", "--root-owner-group", $"-Z{compression}", "--build", root, scratch["out.deb"]);
        Directory.Delete(root, recursive: true);
        return scratch["out.deb"];
    }

    /// <summary>A tree with what packages have: long names, links of both kinds, an empty and a large file, a program.</summary>
    public static string Tree(ScratchDirectory scratch)
    {
        var tree = scratch["tree"];
        var deep = "usr/lib/" + string.Join('/', Enumerable.Repeat("a-rather-long-name-of-a-directory", 5));
        Directory.CreateDirectory(Path.Combine(tree, deep));
        Directory.CreateDirectory(Path.Combine(tree, "boot"));
        Directory.CreateDirectory(Path.Combine(tree, "lib/modules/2.6.18-1.el5/kernel"));
        File.WriteAllBytes(Path.Combine(tree, "boot/vmlinuz-2.6.18-1.el5"), Samples.Mixed(700_000, 7));
        File.WriteAllText(Path.Combine(tree, deep, "file with a name of more than a hundred bytes when its directories are counted, as tar must"), "long");
        File.WriteAllText(Path.Combine(tree, "lib/modules/2.6.18-1.el5/kernel/empty.ko"), "");
        File.WriteAllText(Path.Combine(tree, "usr/lib/tool"), "#!/bin/sh\n");
        File.SetUnixFileMode(Path.Combine(tree, "usr/lib/tool"), (UnixFileMode)0x1ED);
        Tool.MustRun("ln", Path.Combine(tree, "usr/lib/tool"), Path.Combine(tree, "usr/lib/tool-too"));
        File.CreateSymbolicLink(Path.Combine(tree, "boot/vmlinuz"), "vmlinuz-2.6.18-1.el5");
        return tree;
    }
}
