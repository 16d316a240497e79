using Rehost.Conversion.Selinux;
using Rehost.Conversion.Tests.Appliers;
using Rehost.FileSystems;
using Rehost.FileSystems.Tests;
using Rehost.Model;

namespace Rehost.Conversion.Tests.Selinux;

/// <summary>Labels by the policy, as matchpathcon answers: lines of the reference policy.</summary>
public sealed class FileContextsTests
{
    private const string Policy = """
        /.*	system_u:object_r:default_t:s0
        /[^/]+	--	system_u:object_r:etc_runtime_t:s0
        /etc(/.*)?	system_u:object_r:etc_t:s0
        /etc/systemd/system(/.*)?	system_u:object_r:systemd_unit_file_t:s0
        /etc/udev/rules\.d(/.*)?	system_u:object_r:udev_rules_t:s0
        /etc/sysconfig/network-scripts/.*resolv\.conf	--	system_u:object_r:net_conf_t:s0
        /etc/ld\.so\.cache	--	system_u:object_r:ld_so_cache_t:s0
        /etc/dracut\.conf\.d	-d	system_u:object_r:dir_only_t:s0
        /usr/(.*/)?lib(/.*)?	system_u:object_r:lib_t:s0
        /usr/lib/systemd/system(/.*)?	system_u:object_r:systemd_unit_file_t:s0
        /sbin/ifup.*	--	system_u:object_r:ifconfig_exec_t:s0
        /proc/.*	<<none>>
        /bad[	system_u:object_r:bad_t:s0
        # comment
        """;

    [Theory]
    [InlineData("/etc/dracut.conf.d/90-rehost.conf", NodeKind.File, "etc_t")]
    [InlineData("/etc/systemd/system/xe-daemon.service", NodeKind.SymbolicLink, "systemd_unit_file_t")]
    [InlineData("/etc/udev/rules.d/70-persistent-net.rules", NodeKind.File, "udev_rules_t")]
    [InlineData("/etc/ld.so.cache", NodeKind.File, "ld_so_cache_t")]
    [InlineData("/etc/ld.so.cache", NodeKind.Directory, "etc_t")]
    [InlineData("/etc/dracut.conf.d", NodeKind.Directory, "dir_only_t")]
    [InlineData("/etc/dracut.conf.d", NodeKind.File, "etc_t")]
    [InlineData("/sbin/ifup-local", NodeKind.File, "ifconfig_exec_t")]
    [InlineData("/usr/lib64/systemd/system/x", NodeKind.File, "systemd_unit_file_t")]
    [InlineData("/usr/share/lib/x", NodeKind.File, "lib_t")]
    [InlineData("/x", NodeKind.File, "etc_runtime_t")]
    [InlineData("/srv/x", NodeKind.File, "local_t")]
    [InlineData("/proc/x", NodeKind.File, null)]
    public void A_path_has_the_label_of_the_last_line_that_matches(string path, NodeKind kind, string? type)
    {
        var contexts = new FileContexts();
        contexts.AddLines(Policy);
        contexts.AddLines("/srv(/.*)?\tsystem_u:object_r:local_t:s0\n");
        contexts.AddSubstitutions("/usr/lib64 /usr/lib\n/etc/init.d /etc/rc.d/init.d\n");
        Assert.Equal(type is null ? null : $"system_u:object_r:{type}:s0", contexts.LabelOf(path, kind));
    }

    [Fact]
    public void New_files_and_links_get_the_policys_label() // S2.22
    {
        using var fileSystem = new InMemoryFileSystem();
        var tree = new GuestTree(fileSystem);
        const string contexts = "/etc/selinux/targeted/contexts/files/file_contexts";
        tree.CreateDirectories(contexts[..contexts.LastIndexOf('/')]);
        tree.WriteFile(contexts, System.Text.Encoding.ASCII.GetBytes(Policy));
        Change Label(string path) => new Relabel { StepId = "s", Reason = "r", Path = path, FileContextsPath = contexts };
        PlanApplier.Apply(Plans.Of(
            new WriteFile { StepId = "s", Reason = "r", Path = "/etc/udev/rules.d/70.rules", Content = "x" },
            new MakeLink { StepId = "s", Reason = "r", Path = "/etc/systemd/system/a.service", Target = "/dev/null" },
            Label("/etc/udev/rules.d/70.rules"), Label("/etc/systemd/system/a.service"), Label("/etc/gone")), new Conversion.Appliers.ApplyContext(tree, []));

        Assert.Equal("system_u:object_r:udev_rules_t:s0\0", GuestText.Decode(tree.GetExtendedAttributes("/etc/udev/rules.d/70.rules")["security.selinux"]));
        Assert.Equal("system_u:object_r:systemd_unit_file_t:s0\0", GuestText.Decode(tree.GetExtendedAttributes("/etc/systemd/system/a.service", followLast: false)["security.selinux"]));
    }

    [Fact]
    public void A_policy_that_is_gone_is_refused()
    {
        using var fileSystem = new InMemoryFileSystem();
        var change = new Relabel { StepId = "s", Reason = "r", Path = "/x", FileContextsPath = "/none" };
        Assert.Equal("CNV003", Assert.Throws<DiagnosticException>(() => PlanApplier.Apply(Plans.Of(change), new Conversion.Appliers.ApplyContext(new GuestTree(fileSystem), []))).Diagnostic.Id);
    }
}
