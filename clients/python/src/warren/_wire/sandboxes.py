"""Sandboxes, pools, templates and environments."""

from __future__ import annotations

from datetime import datetime
from typing import Mapping, Optional, Sequence, Union

from ..model.common import Limits, Seconds
from ..model.network import NetworkPolicy
from ..model.sandbox import LifetimeFrom, OnBackendLoss, OnExpiry, PoolStatus, SandboxInfo, SandboxMetrics, SandboxState
from ..model.template import Environment, Feature, Mount, TemplateInfo
from ..v1 import package_pb2, sandbox_pb2, template_pb2
from .networks import policy_message, policy_of
from .values import (duration, length, length_or_none, limits_message, limits_of, member_of, moment, name_of, ordered, strings,
                     timestamp)


def create_request(*, template: Optional[str], limits: Optional[Limits], lifetime: Optional[Seconds],
                   lifetime_from: Optional[LifetimeFrom], on_expiry: Optional[OnExpiry],
                   on_backend_loss: Optional[OnBackendLoss], metadata: Optional[Mapping[str, str]],
                   env: Optional[Mapping[str, str]], network: Union[str, NetworkPolicy, None],
                   request_id: str) -> sandbox_pb2.CreateSandboxRequest:
    return sandbox_pb2.CreateSandboxRequest(
        template_id=template,
        limits=limits_message(limits),
        lifetime=duration(lifetime),
        lifetime_from=name_of(lifetime_from, "LIFETIME_FROM_"),
        on_expiry=name_of(on_expiry, "ON_EXPIRY_"),
        on_backend_loss=name_of(on_backend_loss, "ON_BACKEND_LOSS_"),
        metadata=strings(metadata, "metadata"),
        env=strings(env, "env"),
        request_id=request_id,
        network=None if network is None else policy_message(network),
    )


def list_request(*, metadata: Optional[Mapping[str, str]], states: Optional[Sequence[SandboxState]], template: Optional[str],
                 created_after: Optional[datetime], newest_first: bool) -> sandbox_pb2.ListSandboxesRequest:
    return sandbox_pb2.ListSandboxesRequest(
        metadata=strings(metadata, "metadata"),
        states=[state.name for state in states or ()],
        template_id=template,
        created_after=timestamp(created_after),
        newest_first=newest_first,
    )


def lifetime_request(sandbox_id: str, lifetime: Seconds, lifetime_from: Optional[LifetimeFrom],
                     on_expiry: Optional[OnExpiry]) -> sandbox_pb2.SetSandboxLifetimeRequest:
    return sandbox_pb2.SetSandboxLifetimeRequest(
        sandbox_id=sandbox_id,
        lifetime=duration(lifetime),
        lifetime_from=name_of(lifetime_from, "LIFETIME_FROM_"),
        on_expiry=name_of(on_expiry, "ON_EXPIRY_"),
    )


def sandbox_of(message: sandbox_pb2.Sandbox) -> SandboxInfo:
    return SandboxInfo(
        id=message.sandbox_id,
        template=message.template_id,
        state=member_of(SandboxState, sandbox_pb2.Sandbox.State, message.state),
        created_at=moment(message, "created_at"),
        expires_at=moment(message, "expires_at"),
        metadata=ordered(message.metadata),
        limits=limits_of(message.limits),
        default_context_id=message.default_context_id,
        memory_bytes=message.memory_bytes,
        reason=message.reason,
        from_pool=message.from_pool,
        stages={stage.stage: length(stage.duration) for stage in message.stages},
        lifetime=length_or_none(message, "lifetime"),
        lifetime_from=member_of(LifetimeFrom, sandbox_pb2.LifetimeFrom, message.lifetime_from, "LIFETIME_FROM_"),
        on_expiry=member_of(OnExpiry, sandbox_pb2.OnExpiry, message.on_expiry, "ON_EXPIRY_"),
        profile=message.profile,
        network=policy_of(message.network) if message.HasField("network") else None,
        backend=message.backend,
        recreations=message.recreations,
    )


def metrics_of(message: sandbox_pb2.SandboxMetrics) -> SandboxMetrics:
    return SandboxMetrics(
        read_at=moment(message, "read_at"),
        cpu_user=length(message.cpu_user),
        cpu_system=length(message.cpu_system),
        memory_bytes=message.memory_bytes,
        peak_memory_bytes=message.peak_memory_bytes,
        memory_limit_bytes=message.memory_limit_bytes,
        pids=message.pids,
        pids_limit=message.pids_limit,
        disk_bytes=message.disk_bytes if message.HasField("disk_bytes") else None,
        disk_limit_bytes=message.disk_limit_bytes,
        cpu_millis=message.cpu_millis,
        output_bytes=message.output_bytes,
    )


def pool_of(message: sandbox_pb2.PoolStatus) -> PoolStatus:
    return PoolStatus(
        template=message.template_id,
        ready=message.ready,
        starting=message.starting,
        target=message.target,
        zygote_generation=message.zygote_generation,
        zygote_forks=message.zygote_forks,
        hits=message.hits,
        misses=message.misses,
    )


def templates_of(message: template_pb2.ListTemplatesResponse) -> list[TemplateInfo]:
    return [
        TemplateInfo(
            id=template.template_id,
            description=template.description,
            python_version=template.python_version,
            preload=tuple(template.preload),
            digest=template.digest,
            unavailable=template.unavailable,
            is_default=template.template_id == message.default_template_id,
        )
        for template in message.templates
    ]


def environment_of(message: package_pb2.Environment) -> Environment:
    return Environment(
        template=message.template_id,
        python_version=message.python_version,
        interpreter=message.interpreter,
        system_packages={package.name: package.version for package in message.system_packages},
        python_packages={package.name: package.version for package in message.python_packages},
        python_packages_incomplete=message.python_packages_incomplete,
        preload=tuple(message.preload),
        architecture=message.architecture,
        languages=tuple(message.languages),
        limits=limits_of(message.limits) if message.HasField("limits") else None,
        use=metrics_of(message.use) if message.HasField("use") else None,
        mounts=tuple(Mount(mount.path, mount.file_system, mount.read_only) for mount in message.mounts),
        profile=message.profile,
        features=tuple(Feature(feature.name, feature.available, feature.reason) for feature in message.features),
        network=policy_of(message.network) if message.HasField("network") else None,
    )
